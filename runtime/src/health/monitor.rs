//! Looks again and again, and tells when something has changed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::examine::Examine;
use super::hysteresis::Hysteresis;
use super::kind::CheckKind;
use super::report::{Check, HealthReport, Status};
use super::thresholds::Thresholds;
use crate::factory::{SessionFactory, WeakFactory};
use crate::stop::{Stop, Stopper};
use crate::targets;

/// How a database is [monitored](SessionFactory::monitor): how often, by which thresholds, and when a change counts.
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
    /// The shortest time from one look to the next.
    pub const SHORTEST: Duration = Duration::from_millis(10);

    /// How many results in a row make it worse, where nothing else is said.
    pub const WORSE_AFTER: usize = 2;

    /// How many make it better, where nothing else is said.
    pub const BETTER_AFTER: usize = 3;

    /// Looks that often; [10 ms](Self::SHORTEST) apart at least. Where a look takes longer than that, those that were due
    /// meanwhile are left out: there is never more than one under way.
    pub fn every(every: Duration) -> Self {
        Self {
            every: every.max(Self::SHORTEST),
            thresholds: Thresholds::new(),
            worse_after: Self::WORSE_AFTER,
            better_after: Self::BETTER_AFTER,
        }
    }

    /// By these instead of the [default ones](CheckKind).
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// A change for the worse counts when so many results in a row are worse, and is then as bad as the mildest of them: 2
    /// where nothing else is said, 1 at least.
    pub fn worse_after(mut self, results: usize) -> Self {
        self.worse_after = results;
        self
    }

    /// A change for the better counts when so many results in a row are better, and is then as good as the worst of them:
    /// 3 where nothing else is said, 1 at least.
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

/// What the callback of a [monitor](SessionFactory::monitor) is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StatusChange {
    /// What was believed before. A monitor begins with [`Healthy`](Status::Healthy).
    pub from: Status,
    /// What is believed now.
    pub to: Status,
    /// The checks that made it worse, as the last report has them; or, where it is better, how those are now that had
    /// made it worse.
    pub causes: Vec<Check>,
    /// The report that decided it.
    pub report: Arc<HealthReport>,
}

/// A [monitor](SessionFactory::monitor) that runs. Dropped, it leaves it running, until the factory is closed.
#[derive(Debug)]
pub struct MonitorHandle {
    stopper: Stopper,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Seen {
    status: Status,
    last: Option<Arc<HealthReport>>,
}

impl MonitorHandle {
    /// What is believed now: [`Healthy`](Status::Healthy) at first.
    pub fn status(&self) -> Status {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .status
    }

    /// The last report, whether or not it has changed anything; none before the first is done.
    pub fn last(&self) -> Option<Arc<HealthReport>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.last.clone()
    }

    /// Whether it has ended, since it was stopped, or since the factory was closed or dropped.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Ends it. A look that is under way is given up, and once this has returned the callback is not called any more.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the monitor ends all the same.
    pub async fn stop(self) {
        self.stopper.stop();
        // It does not panic: the callback's panics are caught.
        self.task.await.ok();
    }
}

impl<DB: Examine> SessionFactory<DB> {
    /// Looks at the database's [health](Self::health) again and again, and calls `on_change` when it has become worse or
    /// better for several results in a row: a [`Duration`] alone looks that often and by the defaults of [`Monitor`].
    ///
    /// Each result is logged, with the target `demarcate::health`: as an error where it is
    /// [`Critical`](Status::Critical) or [`Unhealthy`](Status::Unhealthy), as a warning where it is
    /// [`Degraded`](Status::Degraded), for debugging otherwise. One that is not believed yet, for the worse or for the better,
    /// is logged as the milder of the two.
    ///
    /// The callback runs on the monitor's task, between two looks: what takes long belongs on a task of its own. Its
    /// panic is logged, and ends nothing. The monitor ends at its next look when the factory is closed, or when all
    /// clones of it are dropped, which it does not keep from happening.
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
    /// // Dropped, the handle leaves it running.
    /// monitor.stop().await;
    /// # Ok(()) }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a runtime of tokio's.
    pub fn monitor(
        &self,
        how: impl Into<Monitor>,
        on_change: impl FnMut(&StatusChange) + Send + 'static,
    ) -> MonitorHandle {
        let how = how.into();
        let (stopper, stop) = Stopper::new();
        let seen = Arc::new(Mutex::new(Seen {
            status: Status::Healthy,
            last: None,
        }));
        let running = run(self.downgrade(), how, Arc::clone(&seen), on_change, stop);
        MonitorHandle {
            stopper,
            seen,
            task: tokio::spawn(running),
        }
    }
}

async fn run<DB: Examine>(
    db: WeakFactory<DB>,
    how: Monitor,
    seen: Arc<Mutex<Seen>>,
    mut on_change: impl FnMut(&StatusChange) + Send,
    stop: Stop,
) {
    let mut hysteresis = Hysteresis::new(how.worse_after, how.better_after);
    let mut blamed = Vec::new();
    let mut ticks = interval(how.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let looking = async {
            ticks.tick().await;
            let db = db.upgrade().filter(|db| !db.pool().is_closing())?;
            let report = db.health_with(&how.thresholds).await;
            // What a closing factory says of its connections is no news.
            (!db.pool().is_closing()).then(|| Arc::new(report))
        };
        let Some(Some(report)) = stop.or(looking).await else {
            return;
        };
        let from = hysteresis.take(report.status);
        let to = hysteresis.believed();
        {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.status = to;
            seen.last = Some(Arc::clone(&report));
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

/// What made it worse; or how that is now.
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

/// In one line.
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
