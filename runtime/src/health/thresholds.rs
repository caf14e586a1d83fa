//! From where on something is sick.

use std::time::Duration;

use super::kind::{CheckKind, Side, Unit};
use super::report::Status;
use crate::error::Error;

/// From where on something is sick, and how long a report may take.
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
    Off,
    /// It is one of two.
    None,
    Of([f64; 3]),
}

impl Thresholds {
    /// How long a report may take, where nothing else is said.
    pub const TIMEOUT: Duration = Duration::from_secs(5);

    /// Over which time counters are compared, where nothing else is said.
    pub const WINDOW: Duration = Duration::from_secs(60);

    /// The levels that [`CheckKind`] names.
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

    /// The values from which on `kind` is degraded, unhealthy and critical, in [its unit](CheckKind::unit). Two that are
    /// alike leave out what is between them, and [`f64::INFINITY`] is never reached.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for levels that contradict each other: not in their order, negative, no numbers, above 100
    /// percent; and for a kind that has none.
    pub fn levels(mut self, kind: CheckKind, levels: [f64; 3]) -> Result<Self, Error> {
        let wrong = |what: &str| Err(Error::config(format!("the levels of `{kind}` {what}")));
        let Some((unit, side, _)) = kind.row().levels else {
            return wrong("cannot be set: it is one of two; leave it out with `without`");
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

    /// Leaves a check out: it is skipped, and says so. That of the connection cannot be left out, and is looked at all the
    /// same.
    #[must_use]
    pub fn without(mut self, kind: CheckKind) -> Self {
        if kind != CheckKind::Connection {
            self.levels[kind as usize] = Levels::Off;
        }
        self
    }

    /// How long a report may take: 5 s where nothing else is said. What had no answer then is told as that.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for no time at all.
    pub fn timeout(mut self, timeout: Duration) -> Result<Self, Error> {
        if timeout.is_zero() {
            return Err(Error::config(
                "a report that may take no time says nothing; give `timeout` some milliseconds",
            ));
        }
        self.timeout = timeout;
        Ok(self)
    }

    /// Over which time counters are compared that only grow: a minute where nothing else is said.
    ///
    /// They are compared with those of an earlier report of the same factory: of the last one that is as old as the
    /// window or older, or of the oldest where none is.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for no time at all.
    pub fn window(mut self, window: Duration) -> Result<Self, Error> {
        if window.is_zero() {
            return Err(Error::config(
                "nothing happens in no time; give `window` some seconds",
            ));
        }
        self.window = window;
        Ok(self)
    }

    pub(super) fn is_off(&self, kind: CheckKind) -> bool {
        self.levels[kind as usize] == Levels::Off
    }

    pub(super) fn most(&self) -> Duration {
        self.timeout
    }

    pub(super) fn over(&self) -> Duration {
        self.window
    }

    /// What a value is, and the level that says so.
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
            (CheckKind::Integrity, [1.0, 2.0, 3.0], "one of two"),
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
