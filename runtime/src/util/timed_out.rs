//! A timeout as an I/O error.

use std::io;

/// Returns an I/O error of the kind `TimedOut` with this message.
pub(crate) fn timed_out(message: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, message.into())
}
