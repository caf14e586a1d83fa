//! How well the database is, and which code is in its way.

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
#[cfg(feature = "axum")]
mod routes;
#[cfg(feature = "axum")]
mod single_flight;
mod thresholds;

#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::time::{Instant, SystemTime};

pub use examine::Examine;
pub use kind::{CheckKind, Unit};
pub use monitor::{Monitor, MonitorHandle, StatusChange};
pub use report::{Check, HealthReport, Measure, Outcome, Status};
#[cfg(feature = "axum")]
pub use routes::{Routes, routes};
pub use thresholds::Thresholds;

use crate::factory::SessionFactory;
use assess::Case;
use history::History;

impl<DB: Examine> SessionFactory<DB> {
    /// How well the database is: what a look at it, at this factory's pool and at its boundaries says, by the
    /// [default thresholds](CheckKind).
    ///
    /// It never fails, and takes [5 s](Thresholds::TIMEOUT) at most: a database that is down, hangs or lets nobody in is
    /// what the report says. The pool may be exhausted: the question goes over a connection beside it. (A database in
    /// memory has no other than the pool's; where that is in use, what it would say is skipped.)
    ///
    /// What only grows, such as deadlocks, is compared with an earlier report of the same factory. The first one cannot,
    /// and skips it.
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
    /// Dropped, it leaves nothing behind; the connection that was asked may be closed, and the next report makes another.
    pub async fn health(&self) -> HealthReport {
        self.health_with(&Thresholds::new()).await
    }

    /// The same by other thresholds.
    ///
    /// # Cancel safety
    ///
    /// As [`health`](Self::health).
    pub async fn health_with(&self, thresholds: &Thresholds) -> HealthReport {
        let (at, began) = (SystemTime::now(), Instant::now());
        // Before the look, which takes the only connection of a database in memory.
        let pool = self.pool_status();
        let look = collect::look(self, thresholds.most()).await;
        let server = match &look.readings {
            Ok(readings) => readings.server.clone(),
            Err(_) => DB::TITLE.to_owned(),
        };
        let mut case = Case {
            thresholds,
            dialect: DB::DIALECT,
            only_reads: self.defaults().is_read_only(),
            pool,
            open: self.open_boundaries(),
            look,
            own: own_counters::own(self),
            before: None,
            now: Instant::now(),
        };
        case.compare(&self.extensions().get_or_default::<History>());
        let checks = DB::CHECKS.iter().map(|kind| case.judge(*kind)).collect();
        HealthReport::of(DB::TITLE, server, checks, at, began.elapsed())
    }
}
