//! Statements as logs and errors show them.

use std::fmt::Write as _;

use demarcate_sql::{Dialect, masked};

/// The length of a statement that is shown, in bytes.
const LONGEST: usize = 1_000;

/// The text of a statement without the values that are written in it, cut after 1,000 bytes.
pub(crate) fn shown(sql: &str, dialect: Dialect) -> String {
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{}", masked(sql, dialect));
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}
