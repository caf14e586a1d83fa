//! Reads the user's tokens: items, signatures, types, patterns and macro calls. No rule is applied here.

pub(crate) mod block;
pub(crate) mod expr;
pub(crate) mod function;
pub(crate) mod item;
pub(crate) mod mac;
pub(crate) mod pattern;
pub(crate) mod session;
pub(crate) mod types;
