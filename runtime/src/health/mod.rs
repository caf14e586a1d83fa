//! Health checks: the state of the database, of the pool and of the boundaries of a factory.

mod assess;
mod collect;
mod examine;
mod history;
mod hysteresis;
#[cfg(feature = "json")]
mod json;
mod kind;
mod monitor;
mod own_counters;
mod readings;
mod report;
#[cfg(any(feature = "axum", feature = "actix"))]
mod routes;
#[cfg(any(feature = "axum", feature = "actix"))]
mod single_flight;
mod thresholds;

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::time::{Instant, SystemTime};

use futures_util::future::join;

pub use examine::Examine;
pub use kind::{CheckKind, Unit};
pub use monitor::{Monitor, MonitorHandle, StatusChange};
pub use report::{Check, HealthReport, Measure, Outcome, Status};
#[cfg(any(feature = "axum", feature = "actix"))]
pub use routes::Routes;
#[cfg(feature = "axum")]
pub use routes::routes;
pub use thresholds::Thresholds;

use crate::factory::SessionFactory;
use assess::Assessment;
use history::History;
use own_counters::OwnCounters;

impl<DB: Examine> SessionFactory<DB> {
    /// Checks the database, the pool of this factory and its boundaries against the [default thresholds](CheckKind).
    ///
    /// It never fails, and takes at most [5 s](Thresholds::TIMEOUT): if the database is down, hangs or rejects the login,
    /// the report says so. It works while the pool is exhausted, since it uses a connection outside the pool. (A database
    /// in memory has only the connection of the pool. If that is in use, the checks that need it are skipped.)
    ///
    /// The [replicas](crate::Builder::replica) of the factory are asked at the same time, each over a connection of its own.
    ///
    /// Counters that only grow, such as deadlocks, are compared with an earlier report of the same factory. The first
    /// report has none to compare with, and skips those checks.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// use demarcate::health::{CheckKind, Status};
    /// use demarcate::sqlite::SessionFactory;
    ///
    /// let db = SessionFactory::connect("sqlite::memory:").await?;
    /// let report = db.health().await;
    /// assert_eq!(report.status, Status::Healthy, "{report}");
    /// let connection = report.check(CheckKind::Connection).unwrap();
    /// assert!(connection.value.unwrap().number < 100.0, "milliseconds");
    /// # Ok(()) }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Cancel safety
    ///
    /// If it is dropped, nothing is left behind. The connection that it used may be closed; the next report opens another.
    pub async fn health(&self) -> HealthReport {
        self.health_with(&Thresholds::new()).await
    }

    /// Checks the health against other thresholds.
    ///
    /// # Cancel safety
    ///
    /// As [`health`](Self::health).
    pub async fn health_with(&self, thresholds: &Thresholds) -> HealthReport {
        let (at, began) = (SystemTime::now(), Instant::now());
        // Read before the queries, which take the only connection of a database in memory.
        let pool = self.pool_status();
        let limit = thresholds.time_limit();
        let collected = collect::collect(self, limit);
        let (collected, replicas) = match thresholds.is_off(CheckKind::Replicas) {
            true => (collected.await, Vec::new()),
            false => join(collected, collect::collect_from_replicas(self, limit)).await,
        };
        let server = match &collected.readings {
            Ok(readings) => readings.server.clone(),
            Err(_) => DB::TITLE.to_owned(),
        };
        let mut open = self.open_boundaries();
        // What runs its hooks holds nothing of the database's.
        open.retain(|boundary| !boundary.is_committed);
        let mut assessment = Assessment {
            thresholds,
            dialect: DB::DIALECT,
            only_reads: self.defaults().is_read_only(),
            pool,
            open,
            collected,
            replicas,
            own: OwnCounters::of(self),
            before: None,
            now: Instant::now(),
        };
        assessment.compare(&self.extensions().get_or_default::<History>());
        let checks = DB::CHECKS
            .iter()
            .filter(|kind| **kind != CheckKind::Replicas || !self.replicas().pools().is_empty())
            .map(|kind| assessment.judge(*kind))
            .collect();
        HealthReport::of(DB::TITLE, server, checks, at, began.elapsed())
    }
}
