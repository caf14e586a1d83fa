use demarcate_rules::{Function, Kind};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, Token, Type, TypeReference};

use crate::ask;
use crate::expand::Marked;

// Input:
//     #[service]
//     async fn create_order(tx: &mut Session, order: &NewOrder) -> Result<Order, sqlx::Error> {
//         body
//     }
//
// Output:
//     async fn create_order(tx: &mut Session, order: &NewOrder) -> Result<Order, sqlx::Error> {
//         if false { /* is `Session` ours? may a service take a `&NewOrder`? */ }
//         body
//     }
pub(crate) fn expand(marked: &Marked<'_>) -> TokenStream {
    if marked.is_quiet {
        return unchanged(marked);
    }
    let private = marked.private();
    let session = marked.lent().map(|(lent, _)| {
        let ty = lent.ty();
        quote!(#private::is_session::<#ty>();)
    });
    let asked = if marked.function.is_helper(marked.kind) {
        TokenStream::new()
    } else {
        let (parameters, fallible) = (ask::parameters(marked), ask::returned(marked));
        let carried = ask::carried_out(marked);
        ask::never(&quote!(#session #parameters #fallible #carried))
    };
    let (warnings, leave) = (&marked.warnings, marked.leave());
    marked.emit(
        &marked.function.sig,
        &marked.body.with(&quote!(#asked #warnings #leave)),
    )
}

/// The function as it was written, but for what would be reported a second time.
pub(crate) fn unchanged(marked: &Marked<'_>) -> TokenStream {
    let mut sig = marked.function.sig.clone();
    if marked.kind != Kind::Service && sig.asyncness.is_none() {
        sig.asyncness = Some(Token![async](sig.fn_token.span));
    }
    if let Some(index) = marked.function.unlent(marked.kind)
        && let Some(FnArg::Typed(parameter)) = sig.inputs.iter_mut().nth(index)
        && !matches!(*parameter.ty, Type::Reference(_))
    {
        let span = parameter.colon_token.span;
        let lent = TypeReference {
            attrs: Vec::new(),
            and_token: Token![&](span),
            lifetime: None,
            mutability: Some(Token![mut](span)),
            elem: parameter.ty.clone(),
        };
        *parameter.ty = Type::Reference(lent);
    }
    marked.emit(&sig, &marked.body.plain())
}

/// A method of a trait, without a body to hold to anything.
pub(crate) fn without_body(function: &Function) -> TokenStream {
    let Function {
        attrs,
        vis,
        modifiers,
        sig,
        body,
        ..
    } = function;
    let modifiers = &modifiers.defaultness;
    quote!(#(#attrs)* #vis #modifiers #sig #body)
}
