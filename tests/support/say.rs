//! What the support tells whoever runs the tests.

use std::io::{self, Write};

/// Writes a line to standard error, also from inside a test: libtest captures `eprintln!`, and shows it for failed
/// tests only.
pub(crate) fn say(line: &str) {
    // Where standard error is closed, nobody wants to know.
    let _ = writeln!(io::stderr(), "{line}");
}
