//! A server that is not of the kind that was asked for, as an I/O error.

use std::io;

/// The kind of the error. No other error of a connection has it, and it survives a copy of the error.
const KIND: io::ErrorKind = io::ErrorKind::ReadOnlyFilesystem;

/// Returns the I/O error that a server is not of the kind that was asked for.
pub(crate) fn wrong_server(message: impl Into<String>) -> io::Error {
    io::Error::new(KIND, message.into())
}

/// Whether the error is one of [`wrong_server`].
pub(crate) fn is_wrong_server(error: &io::Error) -> bool {
    error.kind() == KIND
}
