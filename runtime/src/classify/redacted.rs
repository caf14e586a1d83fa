//! Formats a `sqlx::Error` without the secrets in it.

use std::fmt;

use super::snapshot::text_of;
use crate::util::redact::{HIDDEN, redact};

/// Formats an error of sqlx, with `Display` or `Debug`, without the secrets in it.
pub(crate) struct Redacted<'a>(pub(crate) &'a sqlx::Error);

/// Formats the error of a statement without the secrets in it. The statement has its literals masked; the word that a syntax
/// error is about is shown if it stands there.
pub(crate) struct RedactedIn<'a>(pub(crate) &'a sqlx::Error, pub(crate) Option<&'a str>);

impl fmt::Display for RedactedIn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(error, statement) = *self;
        Redacted(error).write(&text_of(error, statement), f)
    }
}

impl Redacted<'_> {
    fn write(&self, text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // sqlx quotes the part of a URL that it could not parse, which may be the rest of a password:
        // "unknown query parameter `..`".
        if matches!(self.0, sqlx::Error::Configuration(_)) {
            const QUOTES: [char; 3] = ['`', '"', '\''];
            if let (Some(first), Some(last)) = (text.find(QUOTES), text.rfind(QUOTES)) {
                let (before, after) = (&text[..=first], &text[last..]);
                return f.write_str(&redact(&format!("{before}{HIDDEN}{after}")));
            }
        }
        f.write_str(&redact(text))
    }
}

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(&text_of(self.0, None), f)
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            self.write(&format!("{:#?}", self.0), f)
        } else {
            self.write(&format!("{:?}", self.0), f)
        }
    }
}
