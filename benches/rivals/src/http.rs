//! A boundary behind a handler of axum's.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;

use crate::rival::{Load, Rival, Work};

/// `POST /{row}`: one write.
pub(crate) fn router<R: Rival>(rival: Arc<R>) -> Router {
    Router::new()
        .route("/{row}", post(write::<R>))
        .with_state(rival)
}

async fn write<R: Rival>(State(rival): State<Arc<R>>, Path(row): Path<i32>) -> StatusCode {
    let load = Load::Writes(1);
    match rival.run(Work { load, row }).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
