//! Why a request was refused: `application/problem+json`, after RFC 9457.

use axum::{
    extract::rejection::{JsonRejection, PathRejection},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use demarcate::Problem;

use crate::{crawl::CrawlError, limit::Busy};

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
    #[error(transparent)]
    Busy(#[from] Busy),
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

/// After how many seconds a request that came at a busy time may be sent again.
const BUSY_SECONDS: u64 = 5;

/// So that a router can use `?` on a service.
impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

impl ApiError {
    fn status(&self) -> StatusCode {
        match self {
            Self::Url(_) | Self::EmptyBatch | Self::LongBatch(..) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            Self::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::ListedTwice(_) => StatusCode::CONFLICT,
            Self::NotFound(..) | Self::NoRoute => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Json(rejection) => rejection.status(),
            Self::Path(rejection) => rejection.status(),
            Self::Database(error) => error.into(),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = self.status();
        match self {
            // Knows what to say of it, and logs the rest.
            Self::Database(error) => error.into_response(),
            error => {
                // An error of our own is logged nowhere else.
                tracing::info!(status = status.as_u16(), %error, "refused");
                let title = status.canonical_reason().unwrap_or_default();
                let mut problem =
                    Problem::new(status.as_u16(), title).with_detail(error.to_string());
                // Becomes the header `Retry-After`.
                problem.retry_after = matches!(error, Self::Busy(_)).then_some(BUSY_SECONDS);
                problem.into_response()
            }
        }
    }
}
