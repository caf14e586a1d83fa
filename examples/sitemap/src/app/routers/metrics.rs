//! `GET /metrics`

use axum::{extract::State, http::header::CONTENT_TYPE, response::IntoResponse};

use super::SessionFactory;
use crate::metrics::Metrics;

/// Answers Prometheus. It needs no transaction, so it has no `#[router_tx]`.
pub(super) async fn get_metrics(
    State(db): State<SessionFactory>,
    State(metrics): State<Metrics>,
) -> impl IntoResponse {
    // Boundaries record metrics as they run; those of the pool are recorded on request.
    db.record_pool_metrics();
    let headers = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (headers, metrics.render())
}
