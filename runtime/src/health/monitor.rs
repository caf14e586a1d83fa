//! Checks the health periodically, and calls back when the status changes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::examine::Examine;
use super::hysteresis::Hysteresis;
use super::kind::CheckKind;
use super::report::{Check, HealthReport, Status};
use super::thresholds::Thresholds;
use crate::factory::{SessionFactory, WeakFactory};
use crate::targets;
use crate::util::cancel::{CancelSource, CancelToken};
use crate::util::lock::lock;

/// The configuration of a [monitor](SessionFactory::monitor): interval, thresholds, and how many results make a change.
///
/// ```
/// use std::time::Duration;
/// use demarcate::health::{CheckKind, Monitor, Thresholds};
///
/// # fn main() -> Result<(), demarcate::Error> {
/// let monitor = Monitor::every(Duration::from_secs(10))
///     .thresholds(Thresholds::new().levels(CheckKind::ReplicationLag, [1.0, 5.0, 30.0])?)
///     .worse_after(3)
///     .better_after(6);
/// # let _ = monitor;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is for `SessionFactory::monitor`"]
pub struct Monitor {
    every: Duration,
    thresholds: Thresholds,
    worse_after: usize,
    better_after: usize,
}

impl Monitor {
    /// The shortest interval.
    pub const SHORTEST: Duration = Duration::from_millis(10);

    /// The default number of worse results in a row that change the status.
    pub const WORSE_AFTER: usize = 2;

    /// The default number of better results in a row that change the status.
    pub const BETTER_AFTER: usize = 3;

    /// Checks at this interval, which is at least [10 ms](Self::SHORTEST). If a check takes longer than the interval, those
    /// that become due meanwhile are skipped: there is never more than one at a time.
    pub fn every(every: Duration) -> Self {
        Self {
            every: every.max(Self::SHORTEST),
            thresholds: Thresholds::new(),
            worse_after: Self::WORSE_AFTER,
            better_after: Self::BETTER_AFTER,
        }
    }

    /// Sets the thresholds, in place of the [defaults](CheckKind).
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Sets how many results in a row must be worse before the status changes. It then changes to the mildest of them. The
    /// default is 2, the minimum 1.
    pub fn worse_after(mut self, results: usize) -> Self {
        self.worse_after = results;
        self
    }

    /// Sets how many results in a row must be better before the status changes. It then changes to the worst of them. The
    /// default is 3, the minimum 1.
    pub fn better_after(mut self, results: usize) -> Self {
        self.better_after = results;
        self
    }
}

impl From<Duration> for Monitor {
    fn from(every: Duration) -> Self {
        Self::every(every)
    }
}

/// A change of the status, as the callback of a [monitor](SessionFactory::monitor) receives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StatusChange {
    /// The former status. A monitor begins with [`Healthy`](Status::Healthy).
    pub from: Status,
    /// The new status.
    pub to: Status,
    /// For a change for the worse, the checks that caused it. For a change for the better, the current state of the checks
    /// that had made the status worse.
    pub causes: Vec<Check>,
    /// The report that led to the change.
    pub report: Arc<HealthReport>,
}

/// A handle to a running [monitor](SessionFactory::monitor). If the handle is dropped, the monitor runs until the factory
/// is closed.
#[derive(Debug)]
pub struct MonitorHandle {
    stopper: CancelSource,
    latest: Arc<Mutex<Latest>>,
    task: JoinHandle<()>,
}

/// The current status, and the last report.
#[derive(Debug)]
struct Latest {
    status: Status,
    last: Option<Arc<HealthReport>>,
}

impl MonitorHandle {
    /// Returns the current status: [`Healthy`](Status::Healthy) at first.
    pub fn status(&self) -> Status {
        lock(&self.latest).status
    }

    /// Returns the last report; `None` before the first is complete.
    pub fn last(&self) -> Option<Arc<HealthReport>> {
        let latest = lock(&self.latest);
        latest.last.clone()
    }

    /// Whether the monitor has ended: it was stopped, or the factory was closed or dropped.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Stops the monitor and cancels a check in progress. After this returns, the callback is not called any more.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the monitor stops all the same.
    pub async fn stop(self) {
        self.stopper.stop();
        // The task does not panic: panics of the callback are caught.
        self.task.await.ok();
    }
}

impl<DB: Examine> SessionFactory<DB> {
    /// Checks the [health](Self::health) periodically, and calls `on_change` when several results in a row were worse or
    /// better. A [`Duration`] sets the interval and uses the defaults of [`Monitor`].
    ///
    /// Each result is logged with the target `demarcate::health`: [`Critical`](Status::Critical) and
    /// [`Unhealthy`](Status::Unhealthy) as errors, [`Degraded`](Status::Degraded) as a warning, otherwise at the level
    /// `debug`. A result that has not changed the status yet is logged at the level of the milder of the two.
    ///
    /// The callback runs on the task of the monitor, between two checks; slow work belongs on a task of its own. A panic of
    /// the callback is logged and does not end the monitor. The monitor does not keep the factory alive: it ends at its
    /// next check when the factory is closed, or when all clones of the factory are dropped.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// use std::time::Duration;
    /// use demarcate::sqlite::SessionFactory;
    ///
    /// let db = SessionFactory::connect("sqlite::memory:").await?;
    /// let monitor = db.monitor(Duration::from_secs(10), |change| {
    ///     println!("{} -> {}", change.from, change.to);
    ///     for check in &change.causes {
    ///         println!("{check}");
    ///     }
    /// });
    /// // If the handle is dropped, the monitor keeps running.
    /// monitor.stop().await;
    /// # Ok(()) }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// Panics outside a Tokio runtime.
    pub fn monitor(
        &self,
        how: impl Into<Monitor>,
        on_change: impl FnMut(&StatusChange) + Send + 'static,
    ) -> MonitorHandle {
        let how = how.into();
        let (stopper, stop) = CancelSource::new();
        let latest = Arc::new(Mutex::new(Latest {
            status: Status::Healthy,
            last: None,
        }));
        let running = run(self.downgrade(), how, Arc::clone(&latest), on_change, stop);
        MonitorHandle {
            stopper,
            latest,
            task: tokio::spawn(running),
        }
    }
}

async fn run<DB: Examine>(
    db: WeakFactory<DB>,
    how: Monitor,
    latest: Arc<Mutex<Latest>>,
    mut on_change: impl FnMut(&StatusChange) + Send,
    stop: CancelToken,
) {
    let mut hysteresis = Hysteresis::new(how.worse_after, how.better_after);
    let mut blamed = Vec::new();
    let mut ticks = interval(how.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let checking = async {
            ticks.tick().await;
            let db = db.upgrade().filter(|db| !db.pool().is_closing())?;
            let report = db.health_with(&how.thresholds).await;
            // A report of a factory that is closing says nothing about the database.
            (!db.pool().is_closing()).then(|| Arc::new(report))
        };
        let Some(Some(report)) = stop.run(checking).await else {
            return;
        };
        let from = hysteresis.take(report.status);
        let to = hysteresis.believed();
        {
            let mut latest = lock(&latest);
            latest.status = to;
            latest.last = Some(Arc::clone(&report));
        }
        log(to, &report);
        if let Some(from) = from {
            let change = StatusChange {
                from,
                to,
                causes: causes(from, to, &report, &mut blamed),
                report,
            };
            if catch_unwind(AssertUnwindSafe(|| on_change(&change))).is_err() {
                tracing::error!(target: targets::HEALTH, "the callback of a monitor panicked");
            }
        }
    }
}

/// Returns the checks that made the status worse, or the current state of those that had.
fn causes(
    from: Status,
    to: Status,
    report: &HealthReport,
    blamed: &mut Vec<CheckKind>,
) -> Vec<Check> {
    let checks = report.checks.iter();
    if to > from {
        let worse = |check: &&Check| check.status() >= Some(to);
        let causes: Vec<_> = checks.filter(worse).cloned().collect();
        blamed.retain(|kind| causes.iter().all(|check| check.kind != *kind));
        blamed.extend(causes.iter().map(|check| check.kind));
        return causes;
    }
    let causes = checks.filter(|check| blamed.contains(&check.kind));
    let causes = causes.cloned().collect();
    if to == Status::Healthy {
        blamed.clear();
    }
    causes
}

/// Logs a report.
fn log(believed: Status, report: &HealthReport) {
    macro_rules! at {
        ($level:ident) => {
            tracing::$level!(
                target: targets::HEALTH,
                status = %believed,
                last = %report.status,
                took = ?report.took,
                causes = %Causes(report),
                "the health of {}",
                report.server,
            )
        };
    }
    match believed.min(report.status) {
        Status::Critical | Status::Unhealthy => at!(error),
        Status::Degraded => at!(warn),
        Status::Healthy => at!(debug),
    }
}

/// The causes of a report in one line.
struct Causes<'a>(&'a HealthReport);

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, check) in self.0.causes().enumerate() {
            let before = if n == 0 { "" } else { "; " };
            write!(f, "{before}{}", check.kind)?;
            if let Some(value) = check.value {
                write!(f, " {value}")?;
            }
            for evidence in &check.evidence {
                write!(f, ", {evidence}")?;
            }
        }
        Ok(())
    }
}
