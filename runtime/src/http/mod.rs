//! What an HTTP client is told: the status of a value, problems, and the handlers of web frameworks.

#[cfg(feature = "actix")]
mod actix;
#[cfg(feature = "axum")]
mod axum;
pub(crate) mod problem;
pub(crate) mod status;
