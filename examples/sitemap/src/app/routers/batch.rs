//! `POST /api/v3/sitemap/batch/create` and `GET /api/v3/sitemap/batch/{id}`

use axum::{extract::State, http::StatusCode};
use demarcate::router_tx;

use super::{Session, services};
use crate::{
    api::{ApiError, Batch, BatchAccepted, BatchRequest, Json, Path},
    crawl::{CrawlError, Crawler, Start},
    limit::ScanLimit,
};

/// More than that is more than a person asks for by mistake.
const MAX_URLS: usize = 100;

/// Accepts a batch: all of its jobs, or none.
#[router_tx]
pub(super) async fn post_batch(
    tx: &mut Session,
    State(crawler): State<Crawler>,
    State(scans): State<ScanLimit>,
    Json(request): Json<BatchRequest>,
) -> Result<(StatusCode, Json<BatchAccepted>), ApiError> {
    let starts = starts(&request.urls, MAX_URLS.min(scans.capacity()))?;
    let places = scans.places(starts.len())?;
    let batch_id = services::batches::create(tx).await?;
    let mut job_ids = Vec::with_capacity(starts.len());
    for (start, place) in starts.iter().zip(places) {
        // A URL that is listed twice is found by a constraint of the table. What was inserted before
        // it is rolled back with it, and the jobs that were registered never start.
        let job_id = services::scans::accept(tx, &crawler, place, Some(batch_id), start).await;
        job_ids.push(job_id.map_err(|error| refusal(error, start))?);
    }
    let accepted = BatchAccepted { batch_id, job_ids };
    Ok((StatusCode::ACCEPTED, Json(accepted)))
}

/// Says how far the jobs of a batch are.
#[router_tx(read_only)]
pub(super) async fn get_batch(
    tx: &mut Session,
    Path(id): Path<i64>,
) -> Result<Json<Batch>, ApiError> {
    match services::batches::find(tx, id).await {
        Ok(batch) => Ok(Json(batch)),
        Err(sqlx::Error::RowNotFound) => Err(ApiError::NotFound("batch", id)),
        Err(error) => Err(error.into()),
    }
}

fn starts(urls: &[String], max: usize) -> Result<Vec<Start>, ApiError> {
    match urls.len() {
        0 => return Err(ApiError::EmptyBatch),
        many if many > max => return Err(ApiError::LongBatch(many, max)),
        _ => {}
    }
    let starts: Result<_, CrawlError> = urls.iter().map(|url| Start::from_url(url)).collect();
    Ok(starts?)
}

fn refusal(error: sqlx::Error, start: &Start) -> ApiError {
    match error.as_database_error() {
        Some(violated) if violated.is_unique_violation() => {
            ApiError::ListedTwice(start.to_string())
        }
        _ => error.into(),
    }
}
