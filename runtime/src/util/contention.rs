//! How much of what is done collides, and how often it may be done again.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::util::lock::lock;

/// One, in the fixed-point numbers of this file.
const ONE: u64 = 1_000_000;

/// How much of an outcome enters the share of conflicts: one part in this many.
const WEIGHT: u64 = 32;

/// The time in which the share of conflicts halves while nothing happens.
const HALVES_IN: Duration = Duration::from_secs(1);

/// How many seconds of its least rate a budget can save up.
const SAVED: u32 = 10;

/// A token bucket of repeats, and the share of conflicts.
///
/// While nothing collides, a success costs two reads.
#[derive(Debug)]
pub(crate) struct Contention {
    /// How much of a repeat a success earns, and how many repeats a second are earned by nothing. `None` for no limit.
    rates: Option<(u64, u64)>,
    /// The repeats that are left.
    left: AtomicU64,
    /// The share of conflicts among the last outcomes.
    share: AtomicU64,
    /// When the last conflict was.
    last: Mutex<Instant>,
}

/// The answer to a conflict: whether its work is done again, and how many others there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Repeat {
    /// Whether the work may be done again.
    pub(crate) is_paid: bool,
    /// The share of conflicts among the last outcomes, from 0 to 1.
    pub(crate) share: f64,
}

impl Contention {
    /// Creates one in which `percent` of the successes, and `per_second` at least, may be done again. `None` for no limit.
    pub(crate) fn new(rates: Option<(u32, u32)>) -> Self {
        let rates = rates.map(|(percent, per_second)| {
            (ONE * u64::from(percent) / 100, ONE * u64::from(per_second))
        });
        let contention = Self {
            rates,
            left: AtomicU64::new(0),
            share: AtomicU64::new(0),
            last: Mutex::new(Instant::now()),
        };
        let most = contention.most();
        contention.left.store(most, Ordering::Relaxed);
        contention
    }

    /// The most repeats that are saved up.
    fn most(&self) -> u64 {
        match self.rates {
            Some((earned, per_second)) => {
                (per_second * u64::from(SAVED)).max(if earned > 0 { ONE } else { 0 })
            }
            None => 0,
        }
    }

    /// Records a success.
    pub(crate) fn succeeded(&self) {
        let share = self.share.load(Ordering::Relaxed);
        if share != 0 {
            // An update that is lost to one at the same time makes no difference to a mean.
            let less = share - (share / WEIGHT).max(1);
            self.share.store(less, Ordering::Relaxed);
        }
        if let Some((earned, _)) = self.rates
            && self.left.load(Ordering::Relaxed) < self.most()
        {
            self.left.fetch_add(earned, Ordering::Relaxed);
        }
    }

    /// Records a conflict, and takes a repeat out of the budget.
    pub(crate) fn collided(&self) -> Repeat {
        self.collided_at(Instant::now())
    }

    fn collided_at(&self, now: Instant) -> Repeat {
        let mut last = lock(&self.last);
        let passed = now.saturating_duration_since(*last);
        *last = now;
        let halvings = passed.as_secs_f64() / HALVES_IN.as_secs_f64();
        let faded = self.share.load(Ordering::Relaxed) as f64 * 0.5_f64.powf(halvings);
        let share = faded + (ONE as f64 - faded) / WEIGHT as f64;
        self.share.store(share as u64, Ordering::Relaxed);
        Repeat {
            is_paid: self.pays(passed),
            share: share / ONE as f64,
        }
    }

    /// Adds what `passed` has earned, and takes a repeat out, if one is left. The caller holds the lock.
    fn pays(&self, passed: Duration) -> bool {
        let Some((_, per_second)) = self.rates else {
            return true;
        };
        let most = self.most();
        let earned = (passed.as_secs_f64().min(f64::from(SAVED)) * per_second as f64) as u64;
        let take = |left: u64| {
            let left = left.saturating_add(earned).min(most);
            Some(left.checked_sub(ONE).unwrap_or(left))
        };
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let (Ok(before) | Err(before)) = before;
        before.saturating_add(earned).min(most) >= ONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paid(contention: &Contention, times: u32, at: Instant) -> usize {
        let paid = (0..times).filter(|_| contention.collided_at(at).is_paid);
        paid.count()
    }

    #[test]
    fn what_is_saved_up_is_spent_and_then_a_few_each_second() {
        let contention = Contention::new(Some((10, 10)));
        let start = *lock(&contention.last);
        assert_eq!(paid(&contention, 1_000, start), 100);
        assert_eq!(paid(&contention, 1_000, start + Duration::from_secs(1)), 10);
        // In small steps as well.
        let second = start + Duration::from_secs(1);
        let steps = (1..=20).map(|n| second + Duration::from_millis(50) * n);
        let in_steps = steps.map(|at| paid(&contention, 5, at)).sum::<usize>();
        assert!((9..=10).contains(&in_steps), "{in_steps}");
        let late = start + Duration::from_secs(3_600);
        assert_eq!(paid(&contention, 1_000, late), 100, "no more is saved up");
    }

    #[test]
    fn successes_earn_their_part() {
        let contention = Contention::new(Some((10, 1)));
        let start = *lock(&contention.last);
        assert_eq!(paid(&contention, 100, start), 10);
        for _ in 0..50 {
            contention.succeeded();
        }
        assert_eq!(paid(&contention, 100, start), 5);
        for _ in 0..10_000 {
            contention.succeeded();
        }
        assert_eq!(paid(&contention, 100, start), 10, "no more is saved up");
    }

    #[test]
    fn nothing_is_done_again_where_nothing_may_and_everything_where_there_is_no_limit() {
        let none = Contention::new(Some((0, 0)));
        none.succeeded();
        assert_eq!(paid(&none, 10, Instant::now()), 0);
        let all = Contention::new(None);
        assert_eq!(paid(&all, 10_000, Instant::now()), 10_000);
    }

    #[test]
    fn the_share_of_conflicts_grows_with_them_and_fades() {
        let contention = Contention::new(None);
        let start = *lock(&contention.last);
        let share = |at| contention.collided_at(at).share;
        assert!(share(start) < 0.05);
        for _ in 0..200 {
            share(start);
        }
        assert!(share(start) > 0.9);
        for _ in 0..100 {
            contention.succeeded();
        }
        let after = share(start);
        assert!(after < 0.1, "{after}");
        for _ in 0..200 {
            share(start);
        }
        let after = share(start + Duration::from_secs(10));
        assert!(after < 0.05, "{after}");
    }
}
