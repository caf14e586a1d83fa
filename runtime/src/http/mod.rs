//! HTTP support: the status of a handler's value, problem documents, and responses for axum and actix-web.

#[cfg(feature = "actix")]
pub(crate) mod actix;
#[cfg(feature = "axum")]
mod axum;
#[cfg(any(feature = "axum", feature = "actix"))]
pub mod extract;
pub(crate) mod problem;
pub(crate) mod rolled_back;
pub(crate) mod status;
