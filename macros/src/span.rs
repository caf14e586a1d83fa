//! Where rustc underlines what is emitted, and under which conditions it is there.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Attribute, PatType};

/// Where the first and the last token of something are; of a group the parenthesis, or what is emitted there would be as
/// wide as all that is between the two.
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

/// Where rustc underlines a path that is emitted in place of something: from its first token to its last.
///
/// Each token is narrow, or an editor would take all that lies between for ours.
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

/// A call that stands, for rustc, where something else does: there it says what the call's types lack.
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

/// The conditions under which a parameter is there.
pub(crate) fn cfgs(parameter: &PatType) -> impl Iterator<Item = &Attribute> {
    parameter
        .attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
}
