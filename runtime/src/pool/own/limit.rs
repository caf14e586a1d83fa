//! How many connections the server lets a pool have.

use std::time::{Duration, Instant};

/// How long it takes until one connection more is tried.
const GROWS_EVERY: Duration = Duration::from_secs(60);

/// The largest number of connections, which is less than configured after the server has refused one for there being too
/// many: it halves, and grows by one a minute.
#[derive(Debug, Default)]
pub(super) struct Limit {
    /// What the limit was lowered to, and when.
    lowered: Option<(usize, Instant)>,
}

impl Limit {
    /// Returns the limit. `most` is the configured one.
    pub(super) fn now(&self, most: usize) -> usize {
        match self.lowered {
            None => most,
            Some((to, at)) => grown(to, at.elapsed()).min(most),
        }
    }

    /// Halves the limit, because the server refused an attempt that began at `begun`. Returns what it was and what it is, if
    /// it has changed.
    pub(super) fn lower(&mut self, most: usize, begun: Instant) -> Option<(usize, usize)> {
        // An attempt from before says nothing about the limit that was lowered since.
        if self.lowered.is_some_and(|(_, at)| begun <= at) {
            return None;
        }
        let before = self.now(most);
        let to = (before / 2).max(1);
        self.lowered = Some((to, Instant::now()));
        Some((before, to)).filter(|(before, to)| to < before)
    }
}

/// Returns what a limit has grown to.
fn grown(to: usize, since: Duration) -> usize {
    let grown = since.as_secs() / GROWS_EVERY.as_secs();
    to.saturating_add(usize::try_from(grown).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_halves_once_for_attempts_that_began_together() {
        let mut limit = Limit::default();
        assert_eq!(limit.now(10), 10);
        let together = Instant::now();
        for _ in 0..5 {
            limit.lower(10, together);
        }
        assert_eq!(limit.now(10), 5);
        for expected in [2, 1, 1] {
            std::thread::sleep(Duration::from_millis(1));
            limit.lower(10, Instant::now());
            assert_eq!(limit.now(10), expected);
        }
    }

    #[test]
    fn it_grows_by_one_a_minute() {
        let minute = Duration::from_secs(60);
        assert_eq!(grown(5, Duration::from_secs(59)), 5);
        assert_eq!(grown(5, minute), 6);
        assert_eq!(grown(5, minute * 10), 15);
        let mut limit = Limit::default();
        limit.lower(10, Instant::now());
        let Some((_, at)) = &mut limit.lowered else {
            panic!("it was lowered");
        };
        if let Some(earlier) = at.checked_sub(minute * 3) {
            *at = earlier;
            assert_eq!(limit.now(10), 8);
            assert_eq!(limit.now(7), 7, "never more than configured");
        }
    }
}
