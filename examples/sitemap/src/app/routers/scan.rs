//! `POST /api/v3/sitemap/scan`

use axum::{extract::State, http::StatusCode};
use demarcate::router_tx;

use super::{Session, services};
use crate::{
    api::{ApiError, Json, ScanAccepted, ScanRequest},
    crawl::{Crawler, Start},
    limit::ScanLimit,
};

/// Accepts a scan. The job starts only if the row that it works on has been committed.
#[router_tx]
pub(super) async fn post_scan(
    tx: &mut Session,
    State(crawler): State<Crawler>,
    State(scans): State<ScanLimit>,
    Json(request): Json<ScanRequest>,
) -> Result<(StatusCode, Json<ScanAccepted>), ApiError> {
    // The database has not been asked for anything yet: a bad URL, or one too many, costs it nothing.
    let start = Start::from_url(&request.url)?;
    let place = scans.place()?;
    let job_id = services::scans::accept(tx, &crawler, place, None, &start).await?;
    Ok((StatusCode::ACCEPTED, Json(ScanAccepted { job_id })))
}
