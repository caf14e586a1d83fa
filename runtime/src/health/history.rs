//! The counters of earlier reports, for checks over a window of time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::own_counters::OwnCounters;
use super::readings::Counters;
#[cfg(feature = "sqlite")]
use super::readings::Reading;
use crate::util::lock::lock;

/// How long the result of an integrity check is reused.
#[cfg(feature = "sqlite")]
const INTEGRITY_HOLDS: Duration = Duration::from_secs(60 * 60);

/// The number of samples in a window.
const SAMPLES: u32 = 6;

/// The counters of earlier reports of one factory.
#[doc(hidden)]
#[derive(Default)]
pub struct History(Mutex<Past>);

#[derive(Default)]
struct Past {
    /// The oldest first.
    samples: VecDeque<Sample>,
    #[cfg(feature = "sqlite")]
    integrity: Option<(Instant, Reading<Option<String>>)>,
    /// Log positions that had been written at a time, and that not every standby had replayed at the last report. The
    /// oldest first.
    #[cfg(any(feature = "postgres", test))]
    written: VecDeque<(Instant, u64)>,
    /// The latest time at which every position written until then is known to be replayed.
    #[cfg(any(feature = "postgres", test))]
    all_replayed: Option<Instant>,
}

/// The age of the oldest write that a standby has not replayed.
#[cfg(any(feature = "postgres", test))]
#[derive(Debug)]
pub(super) struct Behind {
    /// The write was seen this long ago.
    pub(super) at_least: Duration,
    /// Everything written until this long ago is known to be replayed; `None` if that was never seen.
    pub(super) at_most: Option<Duration>,
}

/// The counters at one time.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) taken: Instant,
    pub(super) counters: Option<Counters>,
    pub(super) own: OwnCounters,
}

/// The histories of the replicas of one factory.
#[derive(Default)]
pub(super) struct ReplicaHistories(Mutex<Vec<Arc<History>>>);

impl ReplicaHistories {
    /// Returns the history of the replica with that number.
    pub(super) fn of(&self, number: usize) -> Arc<History> {
        let mut histories = lock(&self.0);
        let most = histories.len().max(number + 1);
        histories.resize_with(most, Arc::default);
        Arc::clone(&histories[number])
    }
}

impl History {
    /// Records a sample, and returns the one to compare it with: the newest that is at least a window old, or else the
    /// oldest.
    pub(super) fn enter(&self, sample: &Sample, window: Duration) -> Option<Sample> {
        let mut past = lock(&self.0);
        let samples = &mut past.samples;
        let age = |earlier: &Sample| sample.taken.saturating_duration_since(earlier.taken);
        while samples.get(1).is_some_and(|next| age(next) >= window) {
            samples.pop_front();
        }
        let before = samples.front().cloned();
        if samples
            .back()
            .is_none_or(|last| age(last) >= window / SAMPLES)
        {
            samples.push_back(sample.clone());
        }
        before
    }

    /// Drops all earlier samples, since the counters of the server were reset.
    pub(super) fn forget_all_before(&self, sample: &Sample) {
        let mut past = lock(&self.0);
        past.samples.clear();
        past.samples.push_back(sample.clone());
    }

    /// Records the positions that are written and replayed now, and returns how far replay is behind.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn behind(&self, written: u64, replayed: u64) -> Behind {
        /// The positions are at least a second apart, so they cover far more time than the critical lag.
        const MOST: usize = 1_000;
        let mut past = lock(&self.0);
        let past = &mut *past;
        let now = Instant::now();
        let positions = &mut past.written;
        while let Some((when, _)) = positions.pop_front_if(|(_, at)| *at <= replayed) {
            past.all_replayed = Some(when);
        }
        if written <= replayed {
            past.all_replayed = Some(now);
        }
        let is_new = positions
            .back()
            .is_none_or(|(when, _)| now - *when >= Duration::from_secs(1));
        if is_new && written > replayed && positions.len() < MOST {
            positions.push_back((now, written));
        }
        Behind {
            at_least: positions
                .front()
                .map_or(Duration::ZERO, |(when, _)| now - *when),
            at_most: past.all_replayed.map(|when| now - when),
        }
    }

    /// Returns the result of the last integrity check if it is recent enough.
    #[cfg(feature = "sqlite")]
    pub(super) fn integrity(&self) -> Option<Reading<Option<String>>> {
        let past = lock(&self.0);
        let (at, seen) = past.integrity.as_ref()?;
        (at.elapsed() < INTEGRITY_HOLDS).then(|| seen.clone())
    }

    /// Records the result of an integrity check.
    #[cfg(feature = "sqlite")]
    pub(super) fn keep_integrity(&self, seen: Reading<Option<String>>) {
        let mut past = lock(&self.0);
        past.integrity = Some((Instant::now(), seen));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_is_as_far_behind_as_what_it_has_not_replayed_is_old() {
        let history = History::default();
        let pause = Duration::from_millis(20);
        let at_least = |written, replayed| history.behind(written, replayed).at_least;
        assert_eq!(at_least(100, 100), Duration::ZERO);
        assert!(at_least(200, 100) < pause);
        std::thread::sleep(pause);
        assert!(at_least(300, 100) >= pause, "200 was written before that");
        assert!(at_least(300, 199) >= pause);
        assert!(at_least(300, 200) < pause, "and 300 only now");
        assert_eq!(at_least(300, 300), Duration::ZERO);
    }

    #[test]
    fn a_standby_that_had_replayed_all_is_behind_since_then_at_most() {
        let history = History::default();
        let pause = Duration::from_millis(20);
        let at_most = |written, replayed| history.behind(written, replayed).at_most;
        assert_eq!(at_most(200, 100), None);
        std::thread::sleep(pause);
        assert!(
            at_most(300, 200) >= Some(pause),
            "200 was written before that"
        );
        assert_eq!(at_most(300, 300), Some(Duration::ZERO));
        std::thread::sleep(pause);
        assert!(at_most(400, 300) >= Some(pause));
        assert!(at_most(500, 450) < Some(pause), "400 was written just now");
    }

    #[test]
    fn what_is_compared_with_is_about_a_window_old() {
        let history = History::default();
        let start = Instant::now();
        let window = Duration::from_secs(60);
        let sample = |seconds| Sample {
            taken: start + Duration::from_secs(seconds),
            counters: None,
            own: OwnCounters::default(),
        };
        let before = |seconds| {
            let before = history.enter(&sample(seconds), window)?;
            Some((before.taken - start).as_secs())
        };
        assert_eq!(before(0), None);
        // Reports that follow each other closely do not shrink the window.
        assert_eq!(before(1), Some(0));
        assert_eq!(before(2), Some(0));
        for second in 3..60 {
            assert_eq!(before(second), Some(0));
        }
        for second in 60..600 {
            let age = second - before(second).unwrap();
            assert!((60..=70).contains(&age), "{age} at {second}");
        }
        // After a pause it is what was last seen.
        let last = before(5_000).unwrap();
        assert!((580..600).contains(&last), "{last}");
    }
}
