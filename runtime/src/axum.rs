//! Handlers of axum.

use std::convert::Infallible;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use crate::backend::Backend;
use crate::error::Error;
use crate::factory::SessionFactory;

/// The factory comes from the router's state: the state is one, or `FromRef` finds one in it.
impl<S, DB> FromRequestParts<S> for SessionFactory<DB>
where
    DB: Backend,
    S: Send + Sync,
    SessionFactory<DB>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::from_ref(state))
    }
}

impl From<Error> for StatusCode {
    /// As `StatusCode::from(&error)`.
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for StatusCode {
    /// 503 where the same request may succeed later, 504 for a timeout, 500 for the rest.
    fn from(error: &Error) -> Self {
        match error {
            Error::PoolTimeout { .. } | Error::Connect { .. } | Error::Closed { .. } => {
                Self::SERVICE_UNAVAILABLE
            }
            Error::Timeout { .. } => Self::GATEWAY_TIMEOUT,
            _ => Self::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for Error {
    /// The status alone: what the error says is for the log.
    fn into_response(self) -> Response {
        tracing::error!(error = %self, "request failed");
        StatusCode::from(self).into_response()
    }
}
