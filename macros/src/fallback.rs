//! Emits a function as it was written, where nothing is expanded.

use demarcate_rules::{Function, Kind};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{FnArg, Token, Type, TypeReference};

use crate::declared;
use crate::marked::Marked;

/// The function as it was written, except for mistakes that the compiler would report a second time.
pub(crate) fn unchanged(marked: &Marked<'_>) -> TokenStream {
    let mut sig = marked.function.sig.clone();
    if !matches!(marked.kind, Kind::Service | Kind::Boundary) && sig.asyncness.is_none() {
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

/// A method of a trait without a body. Its future is `Send`: a boundary could not wait for it otherwise.
pub(crate) fn without_body(function: &Function) -> TokenStream {
    let Function {
        attrs,
        vis,
        modifiers,
        sig,
        body,
        is_declared,
        ..
    } = function;
    let modifiers = &modifiers.defaultness;
    let sig = match is_declared {
        true => &declared::signature(sig),
        false => sig,
    };
    quote!(#(#attrs)* #vis #modifiers #sig #body)
}
