//! Boundaries that no request opens: what the program does when it starts, and on the command line.

use demarcate::TxOptions;

use super::{SessionFactory, jobs, services};
use crate::{
    api::JobReport,
    crawl::{Crawler, Start},
    limit::ScanPlace,
};

/// Creates the tables that are not there.
pub(crate) async fn prepare(db: &SessionFactory) -> Result<(), sqlx::Error> {
    db.transaction_with(TxOptions::new().name("prepare"), async |tx| {
        services::schema::create(tx).await
    })
    .await
}

/// Marks the jobs failed that an earlier process left behind, and says how many there were.
pub(crate) async fn recover(db: &SessionFactory) -> Result<u64, sqlx::Error> {
    db.transaction_with(TxOptions::new().name("recover"), async |tx| {
        services::jobs::fail_interrupted(tx).await
    })
    .await
}

/// Scans without a request, and gives what one for the status would. The job is cancelled when
/// `stop` comes back.
pub(crate) async fn scan(
    db: &SessionFactory,
    crawler: Crawler,
    start: &Start,
    stop: impl Future<Output = ()>,
) -> Result<JobReport, sqlx::Error> {
    let job_id = db
        .transaction_with(TxOptions::new().name("create_job"), async |tx| {
            services::jobs::create(tx, None, start).await
        })
        .await?;
    let mut job = db.spawn(jobs::scan(crawler, ScanPlace::alone(), job_id));
    // Why it failed, if it did, is in its row.
    tokio::select! {
        _ = &mut job => {}
        () = stop => {
            job.abort();
            job.await.ok();
        }
    }
    let options = TxOptions::new().name("report_job").read_only();
    db.transaction_with(options, async |tx| services::jobs::report(tx, job_id).await)
        .await
}
