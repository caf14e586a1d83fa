//! The position in the program: the current boundary, service and statement, for errors, logs and spans.

pub(crate) mod activity;
pub(crate) mod current;
pub(crate) mod holder;
pub(crate) mod place;
pub(crate) mod site;
pub(crate) mod sql_text;
