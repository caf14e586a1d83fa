//! The spans of emitted tokens, which decide what rustc underlines.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, PatType};

/// The spans of the first and the last token. For a group it is the span of its parenthesis: that of the whole group would
/// make an emitted token as wide as all of the group's content.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut tokens = tokens.to_token_stream().into_iter();
    let first = tokens.next();
    let last = tokens.last();
    let start = match &first {
        Some(TokenTree::Group(group)) => group.span_open(),
        Some(token) => token.span(),
        None => Span::call_site(),
    };
    let end = match last.as_ref().or(first.as_ref()) {
        Some(TokenTree::Group(group)) => group.span_close(),
        Some(token) => token.span(),
        None => start,
    };
    (start, end)
}

/// Gives a path the spans of the tokens that it replaces, so that rustc underlines them from the first to the last.
///
/// Each token stays narrow: an editor would take all that a wide one covers for ours.
pub(crate) fn located(path: TokenStream, at: &impl ToTokens) -> TokenStream {
    let (start, end) = ends(at);
    let last = path.clone().into_iter().count().saturating_sub(1);
    path.into_iter()
        .enumerate()
        .map(|(n, mut token)| {
            token.set_span(if n == last { end } else { start });
            token
        })
        .collect()
}

/// Writes a call at the span of other tokens, where rustc then reports what the types of the call lack.
pub(crate) fn located_call(
    path: TokenStream,
    arguments: TokenStream,
    at: &impl ToTokens,
) -> TokenStream {
    let (start, _) = ends(at);
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(start);
    path.into_iter()
        .map(|mut token| {
            token.set_span(start);
            token
        })
        .chain([arguments.into()])
        .collect()
}

/// The `#[cfg(..)]` attributes of a parameter.
pub(crate) fn cfgs(parameter: &PatType) -> impl Iterator<Item = &Attribute> {
    parameter
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
}
