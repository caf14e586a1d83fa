//! What earlier reports saw, for what is judged over a time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::own_counters::Own;
use super::readings::Counters;
#[cfg(feature = "sqlite")]
use super::readings::Seen;

/// How often an integrity check is worth what it costs.
#[cfg(feature = "sqlite")]
const INTEGRITY_HOLDS: Duration = Duration::from_secs(60 * 60);

/// How many samples there are in a window.
const SAMPLES: u32 = 6;

/// What earlier reports of one factory saw.
#[doc(hidden)]
#[derive(Default)]
pub struct History(Mutex<Past>);

#[derive(Default)]
struct Past {
    /// The oldest first.
    samples: VecDeque<Sample>,
    #[cfg(feature = "sqlite")]
    integrity: Option<(Instant, Seen<Option<String>>)>,
    /// What was written when, and not replayed by every standby when last looked at. The oldest first.
    #[cfg(any(feature = "postgres", test))]
    written: VecDeque<(Instant, u64)>,
    /// When last all was written that is known to be replayed.
    #[cfg(any(feature = "postgres", test))]
    all_replayed: Option<Instant>,
}

/// How long ago that was written which is not replayed yet.
#[cfg(any(feature = "postgres", test))]
#[derive(Debug)]
pub(super) struct Behind {
    /// It was there when it was looked then.
    pub(super) at_least: Duration,
    /// It was not there when it was looked then.
    pub(super) at_most: Option<Duration>,
}

/// What was counted at one time.
#[derive(Clone)]
pub(super) struct Sample {
    pub(super) taken: Instant,
    pub(super) counters: Option<Counters>,
    pub(super) own: Own,
}

impl History {
    /// Enters what was counted now, and gives what to compare it with: what was counted a window ago, or the oldest that
    /// there is.
    pub(super) fn enter(&self, sample: &Sample, window: Duration) -> Option<Sample> {
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// The server counts from zero again: what was before is of no use.
    pub(super) fn forget_all_before(&self, sample: &Sample) {
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        past.samples.clear();
        past.samples.push_back(sample.clone());
    }

    /// Since when something is written that is not replayed yet, given how much is, now.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn behind(&self, written: u64, replayed: u64) -> Behind {
        /// They are a second apart, and what is critical is far less ago than all of them.
        const MOST: usize = 1_000;
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// What the last integrity check said, while that holds.
    #[cfg(feature = "sqlite")]
    pub(super) fn integrity(&self) -> Option<Seen<Option<String>>> {
        let past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, seen) = past.integrity.as_ref()?;
        (at.elapsed() < INTEGRITY_HOLDS).then(|| seen.clone())
    }

    #[cfg(feature = "sqlite")]
    pub(super) fn keep_integrity(&self, seen: Seen<Option<String>>) {
        let mut past = self.0.lock().unwrap_or_else(PoisonError::into_inner);
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
            own: Own::default(),
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
