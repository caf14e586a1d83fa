//! Accepts scans.

use demarcate::service;

use super::{Session, background, jobs};
use crate::{
    crawl::{Crawler, Start},
    limit::ScanPlace,
};

/// Inserts the row of a job, and starts the job when that row is committed.
#[service]
pub(crate) async fn accept(
    tx: &mut Session,
    crawler: &Crawler,
    place: ScanPlace,
    batch_id: Option<i64>,
    start: &Start,
) -> Result<i64, sqlx::Error> {
    let job_id = jobs::create(tx, batch_id, start).await?;
    // Registered here and not in the routers, so that no router can forget it. After a rollback the
    // job never starts, and its place is free again.
    tx.after_commit(background::scan(crawler.clone(), place, job_id));
    Ok(job_id)
}
