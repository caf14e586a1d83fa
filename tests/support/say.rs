//! Writes messages of the support to the person who runs the tests.

use std::io::{self, Write};

/// Writes a line to standard error, also from inside a test: libtest captures `eprintln!`, and shows it for failed
/// tests only.
pub(crate) fn say(line: &str) {
    // If standard error is closed, the message is dropped.
    let _ = writeln!(io::stderr(), "{line}");
}
