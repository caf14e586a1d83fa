//! `#[service]`: the function as it was written, with statements at the beginning of its body.

use demarcate_rules::Isolation;
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::Type;

use crate::marked::Marked;
use crate::{fallback, questions, texts};

// Input:
//     #[service]
//     async fn create_order(tx: &mut Session, order: &NewOrder) -> Result<Order, sqlx::Error> {
//         body
//     }
//
// Output:
//     async fn create_order(tx: &mut Session, order: &NewOrder) -> Result<Order, sqlx::Error> {
//         if false { /* is `Session` ours? may a service take a `&NewOrder`? */ }
//         let __service = <Session as ::demarcate::__private::LentSession>::enter(tx, SITE);
//         body
//     }
pub(crate) fn expand(marked: &Marked<'_>) -> TokenStream {
    if marked.is_quiet {
        return fallback::unchanged(marked);
    }
    let private = marked.private();
    let (mut entered, mut sessions) = (TokenStream::new(), TokenStream::new());
    for (ty, name) in marked.sessions() {
        match enter(marked, &ty, name.as_ref()) {
            Some(enter) => entered.extend(enter),
            None => sessions.extend(quote!(#private::is_session::<#ty>();)),
        }
    }
    let asked = if marked.function.is_helper(marked.kind) {
        TokenStream::new()
    } else {
        let (parameters, fallible) = (questions::parameters(marked), questions::returned(marked));
        let carried = questions::carried_out(marked);
        let texts = texts::questions(marked);
        questions::never(&quote!(#sessions #parameters #fallible #carried #texts))
    };
    let (warnings, requires, leave) = (&marked.warnings, requires(marked), marked.leave());
    marked.emit(
        &marked.function.sig,
        &marked
            .body
            .with(&quote!(#asked #warnings #entered #requires #leave)),
    )
}

// Output, at the beginning of the body, whose locals are dropped before it:
//     let __service = <Session as ::demarcate::__private::LentSession>::enter(
//         tx,
//         ::demarcate::__private::Site::new("create_order", ::demarcate::__private::SiteKind::Service, file!(), line!()),
//     );
//
// A service with sessions of two databases enters each: the second `__service` does not drop the first.
fn enter(marked: &Marked<'_>, ty: &Type, session: Option<&Ident>) -> Option<TokenStream> {
    // A function that is not async returns before its future runs.
    marked.function.sig.asyncness?;
    let session = session?;
    let (private, site) = (marked.private(), marked.site());
    let name = Ident::new("__service", Span::mixed_site());
    Some(quote!(let #name = <#ty as #private::LentSession>::enter(#session, #site);))
}

// Input:
//     #[service(requires(isolation = Serializable, read_write))]
//     async fn withdraw(tx: &mut Session, cents: i64) -> Result<(), sqlx::Error> { body }
//
// Output, at the beginning of the body:
//     ::demarcate::__private::requires(
//         tx,
//         ::demarcate::__private::Requirements {
//             isolation: ::core::option::Option::Some(::demarcate::Isolation::Serializable),
//             read_write: true,
//         },
//     );
fn requires(marked: &Marked<'_>) -> Option<TokenStream> {
    let requires = marked.args.requires.as_ref()?;
    let (krate, private) = (&marked.krate, marked.private());
    let isolation = match &requires.isolation {
        Some(Isolation(level)) => quote!(::core::option::Option::Some(#krate::Isolation::#level)),
        None => quote!(::core::option::Option::None),
    };
    let read_write = requires.read_write.is_some();
    let sessions = marked.sessions().into_iter();
    let sessions = sessions.filter_map(|(_, session)| session);
    Some(quote! {
        #(#private::requires(
            #sessions,
            #private::Requirements { isolation: #isolation, read_write: #read_write },
        );)*
    })
}
