//! Reads the values of options: `isolation = Serializable`.

use std::time::Duration;

use quote::ToTokens;
use syn::{Expr, ExprLit, Ident, Lit, LitStr, Path};

use super::duration;
use super::options::Isolation;
use crate::suggest;

const LEVELS: [&str; 3] = ["ReadCommitted", "RepeatableRead", "Serializable"];

const REPLICAS: [&str; 3] = ["Prefer", "Require", "Never"];

/// More runs than that do not settle a conflict that so many have not.
const MOST_REPEATS: u32 = 100;

pub(super) fn level(value: Expr) -> syn::Result<Isolation> {
    let expected = "`isolation` is `ReadCommitted`, `RepeatableRead` or `Serializable`";
    one_of(&LEVELS, "isolation level", expected, value).map(Isolation)
}

pub(super) fn replica(value: Expr) -> syn::Result<Ident> {
    let expected = "`replica` is `Prefer`, `Require` or `Never`";
    one_of(&REPLICAS, "way to use a replica", expected, value)
}

/// One of a few words, perhaps as the last of a path.
fn one_of(words: &[&'static str], what: &str, expected: &str, value: Expr) -> syn::Result<Ident> {
    if let Expr::Path(path) = &value
        && let Some(last) = path.path.segments.last()
    {
        let word = last.ident.to_string();
        if words.contains(&word.as_str()) {
            return Ok(last.ident.clone());
        }
        let message = match suggest::nearest(&word, words.iter().copied()) {
            Some(nearest) => format!("there is no {what} `{word}`; did you mean `{nearest}`?"),
            None => format!("there is no {what} `{word}`; {expected}"),
        };
        return Err(syn::Error::new_spanned(value, message));
    }
    let article = if what.starts_with('i') { "an" } else { "a" };
    Err(syn::Error::new_spanned(
        value,
        format!("{article} {what} is written as a bare word; {expected}"),
    ))
}

pub(super) fn duration(value: Expr) -> syn::Result<Duration> {
    let text = string(
        value,
        "a duration is written as a string, as in \"250ms\", \"5s\", \"2m\" or \"1h\"",
    )?;
    duration::parse(&text.value()).map_err(|message| syn::Error::new_spanned(&text, message))
}

pub(super) fn name(value: Expr) -> syn::Result<LitStr> {
    let text = string(
        value,
        "a name is written as a string, as in `name = \"place an order\"`",
    )?;
    if text.value().trim().is_empty() {
        let message = "a name is not empty; leave `name` out, and the function's own is used";
        return Err(syn::Error::new_spanned(text, message));
    }
    Ok(text)
}

pub(super) fn path(value: Expr) -> syn::Result<Path> {
    match value {
        Expr::Path(path) if path.qself.is_none() => Ok(path.path),
        other => Err(syn::Error::new_spanned(
            other,
            "a path is expected here, as in `jobs::mark_failed`",
        )),
    }
}

pub(super) fn string(value: Expr, expected: &str) -> syn::Result<LitStr> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Ok(text),
        other => Err(syn::Error::new_spanned(other.to_token_stream(), expected)),
    }
}

pub(super) fn repeats(value: Expr) -> syn::Result<u32> {
    let wrong = |message: String| syn::Error::new_spanned(&value, message);
    let number = match &value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(number),
            ..
        }) if matches!(number.suffix(), "" | "u32") => Some(number),
        _ => None,
    };
    let Some(number) = number else {
        return Err(wrong(
            "`retry` is how often the boundary is run again, a whole number; write it as in `retry = 3`".to_owned(),
        ));
    };
    // What does not fit is too many.
    let repeats: u32 = number.base10_digits().parse().unwrap_or(u32::MAX);
    match repeats {
        0 => Err(wrong(
            "`retry = 0` runs nothing again; write how often, as in `retry = 3`, or leave `retry` out".to_owned(),
        )),
        1..=MOST_REPEATS => Ok(repeats),
        _ => Err(wrong(format!(
            "a boundary is run again at most {MOST_REPEATS} times; write a smaller number, a conflict that lasts \
             longer is not settled by running again"
        ))),
    }
}
