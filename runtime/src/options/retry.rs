//! How often a boundary is run again, and how soon.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use crate::error::Error;

/// How often a boundary is run again after a conflict, and how soon.
///
/// A boundary is run again, from the begin to the commit, when what failed it may succeed another time
/// and has left nothing behind: a serialization failure, a deadlock, a database that is locked
/// (SQLite), a connection lost before COMMIT was sent. Whether that was so is read from what the session
/// itself went through, whatever error the body made of it. A constraint, a statement that took too long,
/// a cancelled request and an unknown outcome are never tried again, nor is a procedure of MySQL's that
/// failed: it may have committed before.
///
/// Between two runs it waits for a random time up to a bound that doubles with each run, so that those
/// that collided do not collide again. All runs share the boundary's
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
}

impl Retry {
    /// More repeats than this are refused: what collides a hundred times needs another design.
    pub const MOST: u32 = 100;

    /// Up to so many runs after the first. The first wait is up to 10 ms, the longest up to 1 s.
    #[must_use]
    pub const fn times(times: u32) -> Self {
        Self {
            times,
            first: Duration::from_millis(10),
            longest: Duration::from_secs(1),
            within: None,
        }
    }

    /// The bound of the first wait, which doubles with each run.
    #[must_use]
    pub const fn first_delay(mut self, delay: Duration) -> Self {
        self.first = delay;
        self
    }

    /// What the bound of a wait does not grow beyond.
    #[must_use]
    pub const fn longest_delay(mut self, delay: Duration) -> Self {
        self.longest = delay;
        self
    }

    /// Begins no further run once so much time has passed since the first began.
    #[must_use]
    pub const fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.within
    }

    /// Rejects a policy that runs nothing again, runs too often, or waits longer than `longest`.
    pub(crate) fn check(&self, longest: Duration) -> Result<(), Error> {
        if self.times == 0 {
            return Err(Error::config(
                "a `retry` of 0 runs nothing again; leave it out",
            ));
        }
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

    /// The waits between the runs, each a random part of its bound ("full jitter").
    pub(crate) fn delays(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::new()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .with_max_times(self.times as usize)
            .build()
            .map(|bound| bound.mul_f32(fastrand::f32()))
    }
}

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
    fn repeats_have_bounds() {
        let hour = Duration::from_secs(60 * 60);
        let is_valid = |retry: Retry| retry.check(hour).is_ok();
        assert!(is_valid(Retry::times(1)));
        assert!(is_valid(Retry::times(Retry::MOST)));
        assert!(!is_valid(Retry::times(0)));
        assert!(!is_valid(Retry::times(1_000_000)));
        assert!(is_valid(Retry::times(1).within(hour)));
        assert!(!is_valid(Retry::times(1).within(hour * 2)));
        assert!(!is_valid(Retry::times(1).first_delay(Duration::MAX)));
        assert!(!is_valid(Retry::times(1).longest_delay(Duration::MAX)));
    }
}
