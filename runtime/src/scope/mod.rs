//! Where the program is: which boundary, which service, which statement.

pub(crate) mod activity;
pub(crate) mod current;
pub(crate) mod holder;
pub(crate) mod place;
pub(crate) mod site;
pub(crate) mod sql_text;
