//! Where one message ends and the next begins.

use super::message::End;

/// Reads one connection, both ways.
#[doc(hidden)]
pub trait Protocol: Send {
    /// The message that `bytes` begin with, or nothing while it is not all there.
    fn read(&mut self, from: End, bytes: &[u8]) -> Option<Frame>;
}

/// A message as the protocol delimits it.
#[doc(hidden)]
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    pub(super) length: usize,
    pub(super) text: String,
    /// The server has nothing more to say to what it was asked.
    pub(super) ends_answer: bool,
}

/// SQL, or another text, without the byte that ends it.
pub(super) fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    String::from_utf8_lossy(&bytes[..end.unwrap_or(bytes.len())]).into_owned()
}
