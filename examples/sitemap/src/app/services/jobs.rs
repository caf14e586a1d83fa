//! The rows of jobs: `queued`, then `running`, then `complete` or `failed`.
//!
//! Each change says which status it starts from, and gives `RowNotFound` where there is no such job.

use demarcate::service;

use super::{Session, store};
use crate::{
    api::{Job, JobReport},
    crawl::Start,
};

#[service]
pub(crate) async fn create(
    tx: &mut Session,
    batch_id: Option<i64>,
    start: &Start,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into jobs (batch_id, url) values ($1, $2) returning id")
        .bind(batch_id)
        .bind(start.to_string())
        .fetch_one(&mut *tx)
        .await
}

/// Gives what is to be scanned.
#[service]
pub(crate) async fn set_running(tx: &mut Session, job_id: i64) -> Result<String, sqlx::Error> {
    sqlx::query_scalar(
        "update jobs set status = 'running' where id = $1 and status = 'queued' returning url",
    )
    .bind(job_id)
    .fetch_one(&mut *tx)
    .await
}

#[service]
pub(crate) async fn mark_complete(tx: &mut Session, job_id: i64) -> Result<(), sqlx::Error> {
    let updated = sqlx::query(
        "update jobs set status = 'complete', finished_at = current_timestamp \
         where id = $1 and status = 'running'",
    )
    .bind(job_id)
    .execute(&mut *tx)
    .await?;
    found(updated.rows_affected())
}

/// A job that is complete stays complete: a commit whose answer was lost may have succeeded.
#[service]
pub(crate) async fn mark_failed(
    tx: &mut Session,
    job_id: i64,
    reason: &str,
) -> Result<(), sqlx::Error> {
    let updated = sqlx::query(
        "update jobs set status = 'failed', error = $2, finished_at = current_timestamp \
         where id = $1 and status in ('queued', 'running')",
    )
    .bind(job_id)
    .bind(reason)
    .execute(&mut *tx)
    .await?;
    found(updated.rows_affected())
}

/// Marks failed what no process works on any more, and says how many that were.
#[service]
pub(crate) async fn fail_interrupted(tx: &mut Session) -> Result<u64, sqlx::Error> {
    let updated = sqlx::query(
        "update jobs set status = 'failed', error = 'the process ended while it ran', \
         finished_at = current_timestamp where status in ('queued', 'running')",
    )
    .execute(&mut *tx)
    .await?;
    Ok(updated.rows_affected())
}

/// The job, and what it has stored.
#[service]
pub(crate) async fn report(tx: &mut Session, job_id: i64) -> Result<JobReport, sqlx::Error> {
    let job: Job = sqlx::query_as("select * from jobs where id = $1")
        .bind(job_id)
        .fetch_one(&mut *tx)
        .await?;
    let files = store::files(tx, job_id).await?;
    Ok(JobReport { job, files })
}

#[service]
pub(crate) async fn of_batch(tx: &mut Session, batch_id: i64) -> Result<Vec<Job>, sqlx::Error> {
    sqlx::query_as("select * from jobs where batch_id = $1 order by id")
        .bind(batch_id)
        .fetch_all(&mut *tx)
        .await
}

/// An update that found no row did not do what it was asked to.
fn found(rows: u64) -> Result<(), sqlx::Error> {
    match rows {
        0 => Err(sqlx::Error::RowNotFound),
        _ => Ok(()),
    }
}
