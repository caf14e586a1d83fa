//! `GET /health`

use demarcate::router_tx;

use super::{Session, services};
use crate::api::{ApiError, Health, Json};

/// Answers 200 where the database answers, and 503 where it cannot be reached.
#[router_tx(read_only, timeout = "2s")]
pub(super) async fn get_health(tx: &mut Session) -> Result<Json<Health>, ApiError> {
    services::schema::ask(tx).await?;
    let status = "ok".to_owned();
    Ok(Json(Health { status }))
}
