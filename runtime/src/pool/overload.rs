//! How long connections are held, and which boundaries are refused because they would wait in vain.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// The number of boundaries that may wait for each connection, unless the builder gives another.
const WAITING_FOR_EACH: usize = 20;

/// How much of a hold enters the mean: one part in this many.
const WEIGHT: u64 = 16;

/// Whether a boundary that finds no free connection may be refused at once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Queueing {
    /// The boundary has until then.
    Until(Instant),
    /// The boundary waits in any queue: it was let in before, or it must not fail for the load of others.
    Always,
}

/// Why a boundary was refused without waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overload {
    /// How many boundaries wait already.
    pub(crate) waiting: usize,
    /// How many connections they wait for.
    pub(crate) connections: usize,
    /// How long it would have waited, and how long it could have, if that is why.
    pub(crate) wait: Option<(Duration, Duration)>,
}

/// How much the boundaries of a pool have to do.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// The running mean of how long a connection is held, in nanoseconds. It begins at zero, so that the first few holds do
    /// not refuse anybody.
    mean_hold: AtomicU64,
    /// How many boundaries were refused at once.
    refused: AtomicU64,
}

impl Load {
    /// Records how long a connection was held. More than `most` counts as `most`, so that a single long boundary does not
    /// stand for all.
    pub(crate) fn held(&self, hold: Duration, most: Duration) {
        let hold = u64::try_from(hold.min(most).as_nanos()).unwrap_or(u64::MAX);
        // An update that is lost to one at the same time makes no difference to a mean.
        let mean = self.mean_hold.load(Ordering::Relaxed);
        let mean = mean - mean / WEIGHT + hold / WEIGHT;
        self.mean_hold.store(mean, Ordering::Relaxed);
    }

    fn mean_hold(&self) -> Duration {
        Duration::from_nanos(self.mean_hold.load(Ordering::Relaxed))
    }

    /// Refuses a boundary that would wait behind `waiting` others for one of `connections`, if more than `max_waiting` would
    /// wait, or if they hold the connections for longer than there is time. `most` is the longest wait of any boundary.
    pub(crate) fn judge(
        &self,
        waiting: usize,
        connections: usize,
        max_waiting: Option<usize>,
        queueing: Queueing,
        most: Duration,
    ) -> Result<(), Overload> {
        let Queueing::Until(deadline) = queueing else {
            return Ok(());
        };
        let overload = |wait| {
            self.refused();
            Err(Overload {
                waiting,
                connections,
                wait,
            })
        };
        let max_waiting = max_waiting.unwrap_or(WAITING_FOR_EACH.saturating_mul(connections));
        if waiting >= max_waiting {
            return overload(None);
        }
        if waiting == 0 {
            return Ok(());
        }
        let left = most.min(deadline.saturating_duration_since(Instant::now()));
        let turns = waiting as f64 / connections.max(1) as f64;
        let expected = self.mean_hold().mul_f64(turns);
        match expected > left {
            true => overload(Some((expected, left))),
            false => Ok(()),
        }
    }

    /// Counts a boundary that was refused at once.
    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many boundaries were refused at once.
    pub(crate) fn count_refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

/// Counts a boundary as waiting for a connection until it is dropped.
pub(super) struct WaitCounter<'a> {
    waiting: &'a AtomicUsize,
    /// How many waited before it.
    pub(super) before: usize,
}

impl<'a> WaitCounter<'a> {
    pub(super) fn new(waiting: &'a AtomicUsize) -> Self {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        Self { waiting, before }
    }
}

impl Drop for WaitCounter<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn in_a_minute() -> Queueing {
        Queueing::Until(Instant::now() + SECOND * 60)
    }

    #[test]
    fn the_mean_follows_the_holds_and_a_single_long_one_counts_for_little() {
        let load = Load::default();
        for _ in 0..200 {
            load.held(Duration::from_millis(10), SECOND);
        }
        let mean = load.mean_hold().as_millis();
        assert!((9..=10).contains(&mean), "{mean}");
        load.held(SECOND * 3600, SECOND);
        assert!(load.mean_hold() < Duration::from_millis(100));
    }

    #[test]
    fn who_would_wait_behind_too_many_is_refused() {
        let load = Load::default();
        let judge = |waiting, max| load.judge(waiting, 2, max, in_a_minute(), SECOND);
        assert_eq!(judge(39, None), Ok(()));
        let refused = judge(40, None).unwrap_err();
        assert_eq!((refused.waiting, refused.connections), (40, 2));
        assert_eq!(refused.wait, None);
        assert_eq!(judge(2, Some(3)), Ok(()));
        assert!(judge(3, Some(3)).is_err());
        assert!(judge(0, Some(0)).is_err());
        assert_eq!(load.count_refused(), 3);
        assert_eq!(
            load.judge(1_000_000, 2, None, Queueing::Always, SECOND),
            Ok(())
        );
    }

    #[test]
    fn who_has_less_time_than_those_before_take_is_refused() {
        let load = Load::default();
        for _ in 0..200 {
            load.held(SECOND, SECOND * 30);
        }
        let judge = |waiting, most| load.judge(waiting, 4, None, in_a_minute(), most);
        // Eight take four connections two seconds.
        assert_eq!(judge(8, SECOND * 3), Ok(()));
        let (expected, left) = judge(8, SECOND).unwrap_err().wait.unwrap();
        assert_eq!(expected.as_secs_f64().round(), 2.0);
        assert_eq!(left, SECOND);
        assert_eq!(judge(0, Duration::ZERO), Ok(()), "it is the next");
        // The boundary's own deadline may be sooner.
        let soon = Queueing::Until(Instant::now() + Duration::from_millis(100));
        assert!(load.judge(8, 4, None, soon, SECOND * 30).is_err());
    }
}
