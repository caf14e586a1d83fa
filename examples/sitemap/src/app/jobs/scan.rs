//! Reads a site, and stores what is in its sitemaps.

use std::{error::Error, time::Duration};

use demarcate::{JobError, TxOptions, background_job, service};

use super::{Session, SessionFactory, services};
use crate::{
    crawl::{CrawlError, Crawler, Start},
    limit::ScanPlace,
};

/// Why a scan failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScanError {
    #[error(transparent)]
    Crawl(#[from] CrawlError),
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
}

/// Two short transactions, and between them the minutes that a site takes, in which none is open.
#[background_job(on_error = mark_failed)]
pub(crate) async fn scan(
    db: &SessionFactory,
    crawler: Crawler,
    place: ScanPlace,
    job_id: i64,
) -> Result<(), ScanError> {
    // The job is `queued` until then, and holds no connection.
    let _turn = place.turn().await;

    let url = db
        .transaction_with(TxOptions::new().name("start_scan"), async |tx| {
            services::jobs::set_running(tx, job_id).await
        })
        .await?;

    let scan = crawler.crawl(&Start::parse(&url)?).await?;

    // A million URLs take longer than the 30 s that a boundary has by itself.
    let options = TxOptions::new()
        .name("store_scan")
        .timeout(Duration::from_secs(120));
    db.transaction_with(options, async |tx| {
        services::store::all(tx, job_id, &scan).await?;
        services::jobs::mark_complete(tx, job_id).await
    })
    .await?;
    Ok(())
}

/// Runs in a session of its own: the one that failed is rolled back, and with it all that it wrote.
#[service]
async fn mark_failed(
    tx: &mut Session,
    error: &JobError,
    _: Crawler,
    _: ScanPlace,
    job_id: i64,
) -> Result<(), sqlx::Error> {
    services::jobs::mark_failed(tx, job_id, &reason(error)).await
}

/// What the person is told who asked for the scan. What the database said is for the log.
fn reason(error: &JobError) -> String {
    let source = error.source().and_then(|error| error.downcast_ref());
    match (error, source) {
        // PostgreSQL stores no NUL.
        (_, Some(ScanError::Crawl(error))) => error.to_string().replace('\0', "\u{fffd}"),
        (_, Some(ScanError::Database(_))) => {
            "the database failed, and the log says how; nothing of this scan was kept".to_owned()
        }
        (JobError::Cancelled { .. }, _) => "it was cancelled while it ran".to_owned(),
        _ => "the program failed while it ran, and its log says how".to_owned(),
    }
}
