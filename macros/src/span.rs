//! The spans of emitted tokens, which decide what rustc underlines.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, Ident, PatType};

/// The places directly before the first token and behind the last one. For a group it is its parenthesis: a span of the whole
/// group would make an emitted token as wide as all of the group's content.
///
/// What begins at the one and ends at the other is underlined by rustc like the tokens. No emitted token covers them, so that
/// an editor shows what they are, and not what was emitted.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let (start, end) = outer(tokens);
    (before(start), behind(end))
}

/// The place directly before a token.
pub(crate) fn before(span: Span) -> Span {
    // Outside of the compiler, in the tests of this crate, there are no such places.
    match proc_macro::is_available() {
        true => span.unwrap().start().into(),
        false => span,
    }
}

/// The place directly behind a token.
pub(crate) fn behind(span: Span) -> Span {
    match proc_macro::is_available() {
        true => span.unwrap().end().into(),
        false => span,
    }
}

/// The spans of the first and the last token.
pub(crate) fn outer(tokens: &impl ToTokens) -> (Span, Span) {
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

/// The variable that holds a probe, and the call after it that takes the verdict. If the verdict is no, rustc underlines the
/// code from the first place to the second.
pub(crate) fn probe_at((start, end): (Span, Span)) -> (Ident, TokenStream) {
    let probe = Ident::new("__probe", start);
    (probe, quote_spanned!(end=> .verdict()))
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
    let (start, _) = outer(at);
    let mut arguments = Group::new(Delimiter::Parenthesis, arguments);
    arguments.set_span(start);
    let last = path.clone().into_iter().count().saturating_sub(1);
    path.into_iter()
        .enumerate()
        .map(|(n, mut token)| {
            token.set_span(if n == last {
                behind(start)
            } else {
                before(start)
            });
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
