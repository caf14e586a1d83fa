//! The retry policy of a boundary: how many further runs, and the delays between them.

use std::time::Duration;

use crate::error::Error;
use crate::util::backoff::doubling;

/// How many times a boundary is run again after a conflict, and the delays between the runs.
///
/// A boundary is run again, from begin to commit, if its failure is transient and has left nothing behind: a
/// serialization failure, a deadlock, a locked database (SQLite), a connection lost before COMMIT was sent. The
/// session records the failure itself, so the error type of the body does not matter. A violated constraint, a
/// statement timeout, a cancelled request and an unknown outcome are never retried, nor is a MySQL procedure that
/// failed: it may have committed before.
///
/// Before each further run the boundary waits for a random time. The upper bound of that time doubles with each run,
/// so that transactions that collided do not collide again, and the more of the factory's transactions have collided in the
/// last second, the longer it is. A [budget](crate::RetryBudget) limits how many are run again. All runs share the boundary's
/// [timeout](crate::TxOptions::timeout).
///
/// ```
/// use std::time::Duration;
/// use demarcate::{Retry, TxOptions};
///
/// let options = TxOptions::new().retry(3); // at most four runs
/// let patient = TxOptions::new()
///     .retry(Retry::times(10).first_delay(Duration::from_millis(5)).within(Duration::from_secs(3)));
/// # let _ = (options, patient);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    times: u32,
    first: Duration,
    longest: Duration,
    within: Option<Duration>,
    after: RetryAfter,
}

/// The failures after which a boundary is run again.
///
/// ```
/// use demarcate::{Retry, RetryAfter, TxOptions};
///
/// // A lost connection is told to the caller, and a conflict is run again.
/// let options = TxOptions::new().retry(Retry::times(3).after(RetryAfter::Conflicts));
/// # let _ = options;
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RetryAfter {
    /// Every failure that another run may not meet.
    #[default]
    Any,
    /// Failures that come of others who do the same at the same time: serialization failures, deadlocks, locked databases,
    /// timeouts of locks.
    Conflicts,
    /// All others: connections that were lost or could not be opened, statements that no longer fit the schema.
    Connections,
}

impl Retry {
    /// The largest number of further runs. A boundary that collides a hundred times needs another design.
    pub const MOST: u32 = 100;

    /// Allows up to `times` runs after the first. The first delay is at most 10 ms, the longest at most 1 s. `times(0)`
    /// runs nothing again, also where the factory's defaults would.
    #[must_use]
    pub const fn times(times: u32) -> Self {
        Self {
            times,
            first: Duration::from_millis(10),
            longest: Duration::from_secs(1),
            within: None,
            after: RetryAfter::Any,
        }
    }

    /// Sets the failures after which there is a further run.
    #[must_use]
    pub const fn after(mut self, after: RetryAfter) -> Self {
        self.after = after;
        self
    }

    /// Sets the bound of the first delay. The bound doubles with each run.
    #[must_use]
    pub const fn first_delay(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// Sets the largest bound of a delay.
    #[must_use]
    pub const fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest = delay;
        self
    }

    /// Begins no further run after `time` has passed since the start of the first.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Returns the time after which no further run begins.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.within
    }

    /// Whether there may be a further run after a failure that comes of others (`is_contention`), or of something else.
    pub(crate) const fn is_after(&self, is_contention: bool) -> bool {
        match self.after {
            RetryAfter::Any => true,
            RetryAfter::Conflicts => is_contention,
            RetryAfter::Connections => !is_contention,
        }
    }

    /// Whether there may be a further run.
    pub(crate) const fn runs_again(&self) -> bool {
        self.times > 0
    }

    /// Rejects a policy that runs too often, or waits longer than `longest`.
    pub(crate) fn check(&self, longest: Duration) -> Result<(), Error> {
        if self.times > Self::MOST {
            return Err(Error::config(format!(
                "a boundary cannot be run again {} times; give `retry` at most {}",
                self.times,
                Self::MOST
            )));
        }
        let times = [Some(self.first), Some(self.longest), self.within];
        match times.into_iter().flatten().max() {
            Some(time) if time > longest => Err(Error::config(format!(
                "a boundary cannot wait {time:?} to be run again; give `retry` up to {} hours",
                longest.as_secs() / (60 * 60)
            ))),
            _ => Ok(()),
        }
    }

    /// Returns a delay that grows with the share of conflicts, from 0 to 1: up to [`MOST_STRETCHED`] times as long, and never
    /// longer than the longest.
    pub(crate) fn stretched(&self, delay: Duration, share: f64) -> Duration {
        let longer = delay.mul_f64(1.0 + (MOST_STRETCHED - 1.0) * share);
        longer.min(self.longest.max(delay))
    }

    /// Returns the delays between the runs, each a random fraction of its bound ("full jitter").
    pub(crate) fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        doubling(self.first, self.longest)
            .take(self.times as usize)
            .map(|bound| bound.mul_f32(fastrand::f32()))
    }
}

/// How many times longer a delay is where nothing but conflicts is met.
const MOST_STRETCHED: f64 = 8.0;

impl From<u32> for Retry {
    fn from(times: u32) -> Self {
        Self::times(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_wait_is_a_part_of_a_bound_that_doubles_up_to_the_longest() {
        let retry = Retry::times(6)
            .first_delay(Duration::from_millis(10))
            .longest_delay(Duration::from_millis(100));
        let mut most = [Duration::ZERO; 6];
        for _ in 0..2_000 {
            let delays: Vec<_> = retry.delays().collect();
            assert_eq!(delays.len(), 6);
            for (most, delay) in most.iter_mut().zip(delays) {
                *most = delay.max(*most);
            }
        }
        for (most, bound) in most.into_iter().zip([10, 20, 40, 80, 100, 100]) {
            let bound = Duration::from_millis(bound);
            assert!(
                most <= bound && most > bound.mul_f32(0.9),
                "{most:?} of {bound:?}"
            );
        }
    }

    #[test]
    fn a_delay_grows_with_the_share_of_conflicts_up_to_the_longest() {
        let millis = Duration::from_millis;
        let retry = Retry::times(6).longest_delay(millis(100));
        assert_eq!(retry.stretched(millis(10), 0.0), millis(10));
        assert_eq!(retry.stretched(millis(10), 1.0), millis(80));
        assert_eq!(retry.stretched(millis(50), 1.0), millis(100));
    }

    #[test]
    fn repeats_have_bounds() {
        let hour = Duration::from_secs(60 * 60);
        let is_valid = |retry: Retry| retry.check(hour).is_ok();
        assert!(is_valid(Retry::times(1)));
        assert!(is_valid(Retry::times(Retry::MOST)));
        assert!(is_valid(Retry::times(0)));
        assert!(!is_valid(Retry::times(1_000_000)));
        assert!(is_valid(Retry::times(1).within(hour)));
        assert!(!is_valid(Retry::times(1).within(hour * 2)));
        assert!(!is_valid(Retry::times(1).first_delay(Duration::MAX)));
        assert!(!is_valid(Retry::times(1).longest_delay(Duration::MAX)));
    }
}
