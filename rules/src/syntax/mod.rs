//! What the user's tokens say: the item, its signature and its body, without a rule being applied to them.

pub(crate) mod block;
pub(crate) mod expr;
pub(crate) mod function;
pub(crate) mod item;
pub(crate) mod mac;
pub(crate) mod pattern;
pub(crate) mod session;
pub(crate) mod types;
