//! The rivals, one file each.

pub(crate) mod axum_sqlx_tx;
pub(crate) mod by_hand;
pub(crate) mod demarcate;
pub(crate) mod diesel;
pub(crate) mod held;
pub(crate) mod sea_orm;
