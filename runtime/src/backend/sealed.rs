//! Keeps [`Backend`](super::Backend) to this crate.

/// The bound that no other crate can meet.
pub trait Sealed {}
