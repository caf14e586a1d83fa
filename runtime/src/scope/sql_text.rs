//! Statements as logs and errors show them.

use std::fmt::Write as _;

use demarcate_sql::{Dialect, masked};

/// The length of a statement that is shown, in bytes.
const LONGEST: usize = 1_000;

/// The text of a statement without the values that are written in it, cut after 1,000 bytes.
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
