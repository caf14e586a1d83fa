//! Masks and truncates statements for logs and errors.

use std::fmt::Write as _;

use demarcate_sql::{Dialect, masked};

/// The maximum length of a shown statement, in bytes.
const LONGEST: usize = 1_000;

/// Returns the statement with its literals masked, truncated to 1,000 bytes.
pub(crate) fn shown(sql: &str, dialect: Dialect) -> String {
    shown_within(sql, dialect, LONGEST)
}

/// Returns the statement with its literals masked, truncated to `longest` bytes.
pub(crate) fn shown_within(sql: &str, dialect: Dialect, longest: usize) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{}", masked(sql, dialect));
    if text.len() > longest {
        text.truncate(text.floor_char_boundary(longest));
        text.push('…');
    }
    text
}
