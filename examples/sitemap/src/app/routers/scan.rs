//! `POST /api/v3/sitemap/scan`

use axum::{extract::State, http::StatusCode};
use demarcate::router_tx;

use super::{Session, jobs, services};
use crate::{
    api::{ApiError, Json, ScanAccepted, ScanRequest},
    crawl::{Crawler, Start},
};

/// Accepts a scan. The job starts only if the row that it works on has been committed.
#[router_tx]
pub(super) async fn post_scan(
    tx: &mut Session,
    State(crawler): State<Crawler>,
    Json(request): Json<ScanRequest>,
) -> Result<(StatusCode, Json<ScanAccepted>), ApiError> {
    // The database has not been asked for anything yet: a bad URL costs it nothing.
    let start = Start::from_url(&request.url)?;
    let job_id = services::jobs::create(tx, None, &start).await?;
    tx.after_commit(jobs::scan(crawler, job_id));
    Ok((StatusCode::ACCEPTED, Json(ScanAccepted { job_id })))
}
