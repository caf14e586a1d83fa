use demarcate_rules::{Function, Lent, plain_name};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{Ident, parse_quote};

use crate::expand::Marked;
use crate::{ask, service};

// Input:
//     #[background_job]
//     async fn ship(tx: &mut Session, order_id: i64) -> Result<(), ShipError> {
//         body
//     }
//
// Output:
//     fn ship(order_id: i64) -> ::demarcate::__private::JobOf<Session, Result<(), ShipError>> {
//         if false { /* may a job take an `i64`? */ }
//         ::demarcate::__private::session_job(
//             SITE,
//             ::demarcate::TxOptions::new(),
//             async move |tx: &mut Session| -> Result<(), ShipError> { body },
//         )
//     }
//
// With `db: &SessionFactory` it is `FactoryJobOf` and `factory_job`, which has no options.
pub(crate) fn expand(marked: &Marked<'_>) -> TokenStream {
    let Some((lent, _)) = marked.lent() else {
        return service::unchanged(marked);
    };
    let private = marked.private();
    let mut sig = marked.function.sig.clone();
    sig.asyncness = None;
    sig.inputs = sig
        .inputs
        .into_iter()
        .enumerate()
        .filter(|(index, _)| *index != lent.index())
        .map(|(_, input)| input)
        .collect();
    let job = match lent {
        Lent::Session { .. } => quote!(JobOf),
        Lent::Factory { .. } => quote!(FactoryJobOf),
    };
    let (ty, returned) = (lent.ty(), output(marked));
    sig.output = parse_quote!(-> #private::#job<#ty, #returned>);
    if marked.is_quiet {
        return marked.emit(&sig, &marked.quiet_body());
    }
    let asked = ask::parameters(marked);
    let (site, closure) = (marked.site(), marked.closure());
    let made = match lent {
        Lent::Session { .. } => {
            let options = marked.options();
            quote!(#private::session_job(#site, #options, #closure))
        }
        Lent::Factory { .. } => quote!(#private::factory_job(#site, #closure)),
    };
    let (kept, on_error) = on_error(marked, &lent);
    marked.emit(
        &sig,
        &quote! {
            if false {
                #asked
            }
            #kept
            #made #on_error
        },
    )
}

/// The return type; where it was reported for not being a `Result`, one that is.
fn output(marked: &Marked<'_>) -> TokenStream {
    let krate = &marked.krate;
    match &marked.function.sig.output {
        syn::ReturnType::Type(_, ty) if !marked.is_quiet => quote!(#ty),
        _ => {
            let returned = marked.returned();
            quote!(::core::result::Result<#returned, #krate::Error>)
        }
    }
}

// Input:
//     #[background_job(on_error = mark_failed)]
//     async fn ship(tx: &mut Session, order_id: i64) -> Result<(), ShipError> { .. }
//
// Output, around the job:
//     let __again_0 = ::demarcate::__private::again(&order_id);
//     ..
//     .__on_error(async move |__tx: &mut Session, __error: &::demarcate::JobError| {
//         mark_failed(__tx, __error, __again_0).await
//     })
fn on_error(marked: &Marked<'_>, lent: &Lent) -> (TokenStream, TokenStream) {
    let Some(handler) = &marked.args.on_error else {
        return Default::default();
    };
    let private = marked.private();
    let krate = &marked.krate;
    let arguments: Vec<&Ident> = arguments(marked.function, lent).collect();
    let again: Vec<Ident> =
        (0..arguments.len()).map(|n| format_ident!("__again_{n}", span = Span::mixed_site())).collect();
    let kept = arguments.iter().zip(&again).map(|(argument, again)| {
        let borrow = syn::Token![&](argument.span());
        quote!(let #again = #private::again(#borrow #argument);)
    });
    let kept = quote!(#(#kept)*);
    let call = quote! {
        .__on_error(async move |__tx: &mut _, __error: &#krate::JobError| #handler(__tx, __error, #(#again),*).await)
    };
    (kept, call)
}

/// The names of the arguments that a handler is given.
fn arguments<'a>(function: &'a Function, lent: &Lent) -> impl Iterator<Item = &'a Ident> {
    let lent = lent.index();
    function
        .parameters()
        .filter(move |(index, _)| *index != lent)
        .filter_map(|(_, parameter)| plain_name(&parameter.pat))
}
