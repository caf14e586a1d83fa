//! Why a request was refused: `application/problem+json`, after RFC 9457.

use axum::{
    extract::rejection::{JsonRejection, PathRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::crawl::CrawlError;

/// What a router answers in place of success; its boundary is rolled back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Url(#[from] CrawlError),
    #[error("the batch is empty; give it at least one URL")]
    EmptyBatch,
    #[error("the batch has {0} URLs, and {max} is the limit; make several of it", max = .1)]
    LongBatch(usize, usize),
    #[error("the batch lists `{0}` twice; nothing of it was accepted")]
    ListedTwice(String),
    #[error("there is no {0} {1}")]
    NotFound(&'static str, i64),
    #[error("there is no such route")]
    NoRoute,
    #[error("this route does not have this method; see `Allow`")]
    WrongMethod,
    #[error("{}", .0.body_text())]
    Json(#[from] JsonRejection),
    #[error("{}", .0.body_text())]
    Path(#[from] PathRejection),
    #[error(transparent)]
    Database(#[from] demarcate::Error),
}

/// So that a router can use `?` on a service.
impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The body of a refusal.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[error("{status} {title}: {detail}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Its name.
    pub title: String,
    /// What is wrong, and what to do.
    pub detail: String,
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Url(_) | Self::EmptyBatch | Self::LongBatch(..) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::ListedTwice(_) => StatusCode::CONFLICT,
            Self::NotFound(..) | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Json(rejection) => rejection.status(),
            Self::Path(rejection) => rejection.status(),
            Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::Database(error) => database(error),
            error => (error.status(), error.to_string()),
        };
        let refusal = Refusal {
            status: status.as_u16(),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            detail,
        };
        let media_type = [(header::CONTENT_TYPE, "application/problem+json")];
        (status, media_type, axum::Json(refusal)).into_response()
    }
}

/// What the database says is for the log, and for nobody outside.
fn database(error: demarcate::Error) -> (StatusCode, String) {
    // Logs it, and knows the status.
    let status = error.into_response().status();
    let detail = match status {
        StatusCode::SERVICE_UNAVAILABLE => "the database cannot be reached; try again later",
        StatusCode::GATEWAY_TIMEOUT => "the database took too long; try again later",
        _ => "the database refused; nothing was stored, and the log says why",
    };
    (status, detail.to_owned())
}
