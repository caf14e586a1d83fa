//! A function's body: the meaning of its names, the calls that rules look for, and a walk through it.

pub(crate) mod ends;
mod entry;
pub(crate) mod idioms;
pub(crate) mod names;
pub(crate) mod ties;
pub(crate) mod typed;
pub(crate) mod walk;
