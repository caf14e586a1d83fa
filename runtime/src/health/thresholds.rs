//! The thresholds of the checks, and the time limits of a report.

use std::time::Duration;

use super::kind::{CheckKind, Side, Unit};
use super::report::Status;
use crate::error::Error;

/// The thresholds of the checks, and the time limits of a report.
///
/// ```
/// use std::time::Duration;
/// use demarcate::health::{CheckKind, Thresholds};
///
/// # fn main() -> Result<(), demarcate::Error> {
/// let thresholds = Thresholds::new()
///     .levels(CheckKind::PoolUsage, [50.0, 75.0, 100.0])?         // percent
///     .levels(CheckKind::AverageStatement, [20.0, 50.0, 200.0])?  // milliseconds
///     .without(CheckKind::Deadlocks)
///     .timeout(Duration::from_secs(2))?;
/// # let _ = thresholds;
///
/// let contradictory = Thresholds::new().levels(CheckKind::PoolUsage, [95.0, 85.0, 70.0]);
/// assert!(contradictory.unwrap_err().to_string().contains("`pool_usage`"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    levels: [Levels; CheckKind::ALL.len()],
    timeout: Duration,
    window: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Levels {
    /// The check is skipped.
    Off,
    /// The check has no levels: it passes or fails.
    None,
    /// From degraded to critical.
    Of([f64; 3]),
}

impl Thresholds {
    /// The default time limit of a report.
    pub const TIMEOUT: Duration = Duration::from_secs(5);

    /// The default window over which counters are compared.
    pub const WINDOW: Duration = Duration::from_secs(60);

    /// Returns the default levels, which [`CheckKind`] documents.
    pub fn new() -> Self {
        let levels = CheckKind::ALL.map(|kind| match kind.row().levels {
            Some((_, _, levels)) => Levels::Of(levels),
            None => Levels::None,
        });
        Self {
            levels,
            timeout: Self::TIMEOUT,
            window: Self::WINDOW,
        }
    }

    /// Sets the values from which on `kind` is degraded, unhealthy and critical, in [its unit](CheckKind::unit). Two equal
    /// levels skip the status between them, and [`f64::INFINITY`] is never reached.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for levels that are out of order, negative, not numbers or above 100 percent, and for a kind
    /// without levels.
    pub fn levels(mut self, kind: CheckKind, levels: [f64; 3]) -> Result<Self, Error> {
        let wrong = |what: &str| Err(Error::config(format!("the levels of `{kind}` {what}")));
        let Some((unit, side, _)) = kind.row().levels else {
            return wrong("cannot be set: it passes or fails; leave it out with `without`");
        };
        if levels.iter().any(|level| level.is_nan()) {
            return wrong("are not all numbers; give three of them, from degraded to critical");
        }
        if levels.iter().any(|level| *level < 0.0) {
            return wrong("are below zero, which no value is; give three from 0 on");
        }
        if unit == Unit::Percent
            && levels
                .iter()
                .any(|level| level.is_finite() && *level > 100.0)
        {
            return wrong("are above 100 %, which no value is; give three from 0 to 100");
        }
        let [degraded, unhealthy, critical] = levels;
        match side {
            Side::Above if !(degraded <= unhealthy && unhealthy <= critical) => {
                return wrong("contradict each other; write them ascending, degraded first");
            }
            Side::Below if !(degraded >= unhealthy && unhealthy >= critical) => {
                return wrong("contradict each other; write them descending, degraded first");
            }
            _ => {}
        }
        self.levels[kind as usize] = Levels::Of(levels);
        Ok(self)
    }

    /// Leaves a check out: the report shows it as skipped. The check of the connection cannot be left out.
    #[must_use]
    pub fn without(mut self, kind: CheckKind) -> Self {
        if kind != CheckKind::Connection {
            self.levels[kind as usize] = Levels::Off;
        }
        self
    }

    /// Sets the time limit of a report. The default is 5 s. Checks without an answer by then are skipped, and the check of
    /// the connection fails.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for zero.
    pub fn timeout(mut self, timeout: Duration) -> Result<Self, Error> {
        if timeout.is_zero() {
            return Err(Error::config(
                "a report cannot have a timeout of zero; give `timeout` some milliseconds",
            ));
        }
        self.timeout = timeout;
        Ok(self)
    }

    /// Sets the window over which counters are compared. The default is a minute.
    ///
    /// The counters are compared with those of an earlier report of the same factory: the newest that is at least as old
    /// as the window, or else the oldest.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for zero.
    pub fn window(mut self, window: Duration) -> Result<Self, Error> {
        if window.is_zero() {
            return Err(Error::config(
                "counters cannot be compared over a window of zero; give `window` some seconds",
            ));
        }
        self.window = window;
        Ok(self)
    }

    /// Whether the check is left out.
    pub(super) fn is_off(&self, kind: CheckKind) -> bool {
        self.levels[kind as usize] == Levels::Off
    }

    /// Returns the time limit of a report.
    pub(super) fn time_limit(&self) -> Duration {
        self.timeout
    }

    /// Returns the window.
    pub(super) fn comparison_window(&self) -> Duration {
        self.window
    }

    /// Returns the status of a value, and the level that it has crossed.
    pub(super) fn judge(&self, kind: CheckKind, value: f64) -> (Status, Option<f64>) {
        let (Levels::Of(levels), Some((_, side, _))) =
            (self.levels[kind as usize], kind.row().levels)
        else {
            return (Status::Healthy, None);
        };
        let statuses = [Status::Degraded, Status::Unhealthy, Status::Critical];
        let crossed = statuses
            .into_iter()
            .zip(levels)
            .rfind(|(_, level)| match side {
                Side::Above => value >= *level,
                Side::Below => value < *level,
            });
        match crossed {
            Some((status, level)) => (status, Some(level)),
            None => (Status::Healthy, None),
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_pass_their_own_examination() {
        for kind in CheckKind::ALL {
            if let Some((_, _, levels)) = kind.row().levels {
                let set = Thresholds::new().levels(kind, levels).unwrap();
                assert_eq!(set, Thresholds::new());
            }
        }
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        for (kind, levels, word) in [
            (CheckKind::PoolUsage, [85.0, 70.0, 95.0], "ascending"),
            (CheckKind::PoolUsage, [95.0, 95.0, 70.0], "ascending"),
            (CheckKind::CacheHits, [70.0, 80.0, 90.0], "descending"),
            (CheckKind::PoolUsage, [70.0, 85.0, 100.5], "above 100 %"),
            (CheckKind::CacheHits, [101.0, 80.0, 70.0], "above 100 %"),
            (CheckKind::Blocked, [-1.0, 10.0, 60.0], "below zero"),
            (CheckKind::Blocked, [1.0, f64::NAN, 60.0], "not all numbers"),
            (CheckKind::Blocked, [f64::INFINITY, 10.0, 60.0], "ascending"),
            (CheckKind::Integrity, [1.0, 2.0, 3.0], "passes or fails"),
        ] {
            let refused = Thresholds::new().levels(kind, levels).unwrap_err();
            assert!(matches!(refused, Error::Config { .. }), "{refused:?}");
            let said = refused.to_string();
            assert!(said.contains(word) && said.contains(kind.name()), "{said}");
        }
        let never = [1.0, f64::INFINITY, f64::INFINITY];
        let never = Thresholds::new().levels(CheckKind::Blocked, never).unwrap();
        assert_eq!(
            never.judge(CheckKind::Blocked, 1e9),
            (Status::Degraded, Some(1.0))
        );
        assert!(Thresholds::new().timeout(Duration::ZERO).is_err());
        assert!(Thresholds::new().window(Duration::ZERO).is_err());
    }

    #[test]
    fn a_level_is_reached_and_not_only_passed() {
        let judge = |kind, value| Thresholds::new().judge(kind, value);
        assert_eq!(judge(CheckKind::PoolUsage, 69.9), (Status::Healthy, None));
        assert_eq!(
            judge(CheckKind::PoolUsage, 70.0),
            (Status::Degraded, Some(70.0))
        );
        assert_eq!(
            judge(CheckKind::PoolUsage, 100.0),
            (Status::Critical, Some(95.0))
        );
        // Clients can do it, who must not be able to take a service out of its load balancer.
        assert_eq!(
            judge(CheckKind::Rollbacks, 100.0),
            (Status::Degraded, Some(50.0))
        );
        assert_eq!(judge(CheckKind::CacheHits, 90.0), (Status::Healthy, None));
        assert_eq!(
            judge(CheckKind::CacheHits, 79.0),
            (Status::Unhealthy, Some(80.0))
        );
        let two = Thresholds::new()
            .levels(CheckKind::PoolUsage, [70.0, 95.0, 95.0])
            .unwrap();
        assert_eq!(
            two.judge(CheckKind::PoolUsage, 96.0),
            (Status::Critical, Some(95.0))
        );
    }
}
