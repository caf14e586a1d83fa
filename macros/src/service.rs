use demarcate_rules::{Body, Function, Kind};
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
//         { body }
//     }
//
// The body is a block of its own, so that items at its beginning stay at the beginning.
pub(crate) fn expand(marked: &Marked<'_>) -> TokenStream {
    if marked.is_quiet {
        return unchanged(marked);
    }
    let private = marked.private();
    let session = marked.lent().map(|(lent, _)| {
        let ty = lent.ty();
        quote!(#private::is_session::<#ty>();)
    });
    let asked = ask::parameters(marked);
    let fallible = ask::returned(marked);
    let body = &marked.body;
    marked.emit(
        &marked.function.sig,
        &quote! {
            if false {
                #session
                #asked
                #fallible
            }
            #body
        },
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
        let lent = TypeReference {
            attrs: Vec::new(),
            and_token: Token![&](parameter.colon_token.span),
            lifetime: None,
            mutability: Some(Token![mut](parameter.colon_token.span)),
            elem: parameter.ty.clone(),
        };
        *parameter.ty = Type::Reference(lent);
    }
    marked.emit(&sig, &marked.body)
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
    let semi = match body {
        Body::None(semi) => Some(semi),
        Body::Braced(_) => None,
    };
    quote!(#(#attrs)* #vis #modifiers #sig #semi)
}
