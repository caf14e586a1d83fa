//! The rows of batches.

use demarcate::service;

use super::{Session, jobs};
use crate::api::Batch;

#[service]
pub(crate) async fn create(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into batches default values returning id")
        .fetch_one(&mut *tx)
        .await
}

#[service]
pub(crate) async fn find(tx: &mut Session, id: i64) -> Result<Batch, sqlx::Error> {
    let created_at = sqlx::query_scalar("select created_at from batches where id = $1")
        .bind(id)
        .fetch_one(&mut *tx)
        .await?;
    let jobs = jobs::of_batch(tx, id).await?;
    Ok(Batch {
        id,
        created_at,
        jobs,
    })
}
