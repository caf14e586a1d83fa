//! Functions without an attribute: those that were lent a session, and the transactions that others open.

use demarcate_rules::{Errors, Item, Kind, check_unmarked};
use quote::ToTokens;
use syn::{Attribute, FnArg, Meta, Signature, Type, parse_quote};

use crate::factories::Factories;
use crate::names::Names;

/// A function that the rules were applied to.
pub(crate) struct Unmarked {
    pub(crate) errors: Errors,
    /// Whether it was lent a session.
    pub(crate) is_lent: bool,
}

/// Holds a function without an attribute to the rules. `marked` is the same function, to which marks are added.
pub(crate) fn held<F: ToTokens>(
    mut marked: F,
    sig: impl FnOnce(&mut F) -> &mut Signature,
    names: &Names<'_>,
    factories: &Factories,
) -> Option<Unmarked> {
    let sig = sig(&mut marked);
    let mut is_lent = false;
    for input in &mut sig.inputs {
        if let FnArg::Typed(parameter) = input
            && let Type::Reference(lent) = &*parameter.ty
            && lent.mutability.is_some()
            && let Type::Path(path) = &*lent.elem
            && names.is_session(&path.path)
        {
            is_lent = true;
            parameter.attrs.push(parse_quote!(#[session]));
        }
    }
    let name = sig.ident.clone();
    let Ok(Item::Function(function)) = Item::parse(marked.to_token_stream()) else {
        return None;
    };
    let kind = if is_lent {
        Kind::Service
    } else {
        Kind::Boundary
    };
    let mut errors = check_unmarked(kind, &function, &factories.names);
    if is_lent {
        errors.warning(syn::Error::new(
            name.span(),
            format!("`{name}` takes a session and has no attribute; write `#[service]`"),
        ));
    }
    Some(Unmarked { errors, is_lent })
}

/// `#[test]`, `#[tokio::test]`, `#[cfg(test)]`.
pub(crate) fn is_of_tests(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| match &attr.meta {
        Meta::List(list) if attr.path().is_ident("cfg") => list.tokens.to_string() == "test",
        _ => attr.path().segments.last().is_some_and(|last| {
            matches!(
                last.ident.to_string().as_str(),
                "test" | "rstest" | "test_case"
            )
        }),
    })
}
