//! `GET /api/v3/sitemap/status/{job_id}`

use demarcate::router_tx;

use super::{Session, services};
use crate::api::{ApiError, JobReport, Json, Path};

/// Says how far a job is, and what it has stored.
#[router_tx(read_only)]
pub(super) async fn get_status(
    tx: &mut Session,
    Path(job_id): Path<i64>,
) -> Result<Json<JobReport>, ApiError> {
    match services::jobs::report(tx, job_id).await {
        Ok(report) => Ok(Json(report)),
        Err(sqlx::Error::RowNotFound) => Err(ApiError::NotFound("job", job_id)),
        Err(error) => Err(error.into()),
    }
}
