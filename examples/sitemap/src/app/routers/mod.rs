//! What answers a request. Each router is one transaction, and owns it.

mod batch;
mod metrics;
mod scan;
mod status;

use axum::{
    Router,
    routing::{get, post},
};

use super::{AppState, Session, SessionFactory, services};
use crate::api::ApiError;

pub(super) fn all(db: SessionFactory) -> Router<AppState> {
    Router::new()
        .route("/api/v3/sitemap/scan", post(scan::post_scan))
        .route("/api/v3/sitemap/status/{job_id}", get(status::get_status))
        .route("/api/v3/sitemap/batch/create", post(batch::post_batch))
        .route("/api/v3/sitemap/batch/{id}", get(batch::get_batch))
        // `/livez`, `/readyz` and `/health`
        .merge(demarcate::health::routes(db))
        .route("/metrics", get(metrics::get_metrics))
        // After all routes: it applies to those before it.
        .method_not_allowed_fallback(async || ApiError::WrongMethod)
        .fallback(async || ApiError::NoRoute)
}
