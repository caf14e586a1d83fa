//! A function's body: what its names stand for, which of its calls matter, and a walk through it.

mod entry;
pub(crate) mod idioms;
pub(crate) mod names;
pub(crate) mod walk;
