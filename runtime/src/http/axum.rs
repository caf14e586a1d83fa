//! Integration with axum: the session factory as an extractor, errors and problems as responses.

use std::convert::Infallible;

use axum::Json;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::backend::Backend;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::http::problem::{self, Problem};
use crate::http::status::status_code;

/// Extracts the factory from the router's state, which is a factory or contains one for `FromRef`.
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

// `From` may be implemented for a type of another crate where its argument, `Error`, is of this one. So types that axum
// answers with can be the error of a router: what the boundary itself fails with becomes one of them.

impl From<Error> for StatusCode {
    /// Converts as `StatusCode::from(&error)` does, and logs the details, which a status does not hold.
    fn from(error: Error) -> Self {
        problem::report(&error);
        Self::from(&error)
    }
}

impl From<Error> for (StatusCode, String) {
    /// Returns the status and the sentence of the error's [problem](Error::problem), and logs the details, which they do
    /// not hold.
    fn from(error: Error) -> Self {
        let (status, problem) = answered(error);
        let text = problem.detail.unwrap_or(problem.title);
        (status, text.into_owned())
    }
}

impl From<Error> for (StatusCode, &'static str) {
    /// Returns the status and the title of the error's [problem](Error::problem), and logs the details, which they do not
    /// hold.
    fn from(error: Error) -> Self {
        problem::report(&error);
        (StatusCode::from(&error), problem::title(&error))
    }
}

impl<T: From<Problem>> From<Error> for (StatusCode, Json<T>) {
    /// Returns the status and the error's [problem](Error::problem), and logs the details, which the problem does not
    /// hold. A type `T` of the application's own is `From<Problem>`; `serde_json::Value` and `Problem` are.
    fn from(error: Error) -> Self {
        let (status, problem) = answered(error);
        (status, Json(problem.into()))
    }
}

impl From<Error> for Response {
    /// Responds as [`IntoResponse`] for the error does.
    fn from(error: Error) -> Self {
        error.into_response()
    }
}

/// Returns what the client is told of an error, whose details are logged.
fn answered(error: Error) -> (StatusCode, Problem) {
    let problem = Problem::from(error);
    let status = status_code(problem.status, StatusCode::INTERNAL_SERVER_ERROR);
    (status, problem)
}

impl From<&Error> for StatusCode {
    /// Returns the status of the error's [problem](Error::problem).
    fn from(error: &Error) -> Self {
        status_code(problem::status(error), Self::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Error {
    /// Responds with the error's [problem](Error::problem), as `application/problem+json`. The details that the problem
    /// leaves out are logged here, with the number of the transaction: at the level `error` from status 500 on, at `info`
    /// below.
    fn into_response(self) -> Response {
        problem::report(&self);
        self.problem().into_response()
    }
}

impl IntoResponse for Problem {
    /// Responds with the problem as `application/problem+json`, with its status and `Retry-After`.
    fn into_response(self) -> Response {
        let content_type = [(header::CONTENT_TYPE, Self::CONTENT_TYPE)];
        let status = status_code(self.status, StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, content_type, self.to_json()).into_response();
        if let Some(seconds) = self.retry_after {
            let seconds = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        response
    }
}
