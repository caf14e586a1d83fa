//! What boundaries have learned about the server behind a pool, from what it answered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::classify::Fate;
use crate::pool::overload::Load;
use crate::settings::Pooler;
use crate::targets;
use crate::util::lock::lock;

/// The knowledge about the server that is shared by a pool, its connections, and its control connection.
pub(crate) struct Learned {
    /// How much the boundaries of the pool have to do.
    pub(crate) load: Load,
    configured: Pooler,
    /// Whether a pooler was found that shares the server's sessions, although none was configured.
    is_shared: AtomicBool,
    since: Instant,
    /// Connections opened before this time are not lent any more. In microseconds after `since`; 0 for none.
    outdated: AtomicU64,
    /// When the server last refused a write of a boundary that may write. In microseconds after `since`; 0 for never.
    refused_write: AtomicU64,
    /// The statements that were run behind a pooler, by the hash of their text, and whether they met a new type.
    texts: Mutex<HashMap<u64, bool>>,
}

/// How often, at most, all connections are opened anew. In microseconds.
const PAUSE: u64 = 1_000_000;

/// The number of statements that are remembered.
const MOST_TEXTS: usize = 10_000;

impl Learned {
    pub(crate) fn new(configured: Pooler) -> Self {
        Self {
            load: Load::default(),
            configured,
            is_shared: AtomicBool::new(false),
            since: Instant::now(),
            outdated: AtomicU64::new(0),
            refused_write: AtomicU64::new(0),
            texts: Mutex::default(),
        }
    }

    /// Returns the pooler that was configured, or that was found since.
    pub(crate) fn pooler(&self) -> Pooler {
        match self.is_shared.load(Ordering::Relaxed) {
            true => Pooler::Transaction,
            false => self.configured,
        }
    }

    /// Whether a connection opened at `begun` is not to be lent any more.
    pub(crate) fn is_outdated(&self, begun: Instant) -> bool {
        let outdated = self.outdated.load(Ordering::Relaxed);
        outdated != 0 && self.micros(begun) <= outdated
    }

    /// Returns how long ago the server refused a write of a boundary that may write.
    pub(crate) fn refused_write(&self) -> Option<Duration> {
        match self.refused_write.load(Ordering::Relaxed) {
            0 => None,
            at => Some(
                self.since
                    .elapsed()
                    .saturating_sub(Duration::from_micros(at)),
            ),
        }
    }

    /// Records that a boundary has written something.
    pub(crate) fn writes(&self) {
        if self.refused_write.load(Ordering::Relaxed) != 0 {
            self.refused_write.store(0, Ordering::Relaxed);
        }
    }

    /// Learns from an error that a boundary met.
    pub(crate) fn learn(&self, fate: Fate) {
        match fate {
            Fate::Shared => self.is_shared(),
            Fate::ReadOnly => self.is_read_only(),
            Fate::Usable | Fate::Unprepared | Fate::Stale | Fate::Lost => {}
        }
    }

    /// Whether a statement may meet a type that its connection does not know: nobody has run it yet, or it has met one on
    /// another connection. `text` is its hash.
    pub(crate) fn may_meet_type(&self, text: u64) -> bool {
        let mut texts = lock(&self.texts);
        if texts.len() >= MOST_TEXTS {
            texts.clear();
        }
        match texts.entry(text) {
            Entry::Vacant(vacant) => {
                vacant.insert(false);
                true
            }
            Entry::Occupied(meets_type) => *meets_type.get(),
        }
    }

    /// Records that a statement has met a type that its connection did not know.
    pub(crate) fn met_type(&self, text: u64) {
        lock(&self.texts).insert(text, true);
    }

    /// Learns that a pooler shares the server's sessions. All clients of the pool behave accordingly from now on.
    fn is_shared(&self) {
        if self.pooler().shares_sessions() || self.is_shared.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::error!(
            target: targets::POOL,
            configured = %self.configured,
            "a pooler in transaction mode, of which the settings say nothing, stands before the server; from now on \
             statements are sent without names; say so with `pgbouncer=transaction` in the URL, `DB_POOLER` or \
             `Builder::pooler`",
        );
    }

    /// Learns that the server accepts no writes. Connections that were opened until now may all lead to it.
    fn is_read_only(&self) {
        let now = self.micros(Instant::now());
        self.refused_write.store(now, Ordering::Relaxed);
        let outdated = self.outdated.load(Ordering::Relaxed);
        // A program that is mistaken about its server must not open its connections anew all the time.
        if outdated != 0 && now < outdated + PAUSE {
            return;
        }
        self.outdated.store(now, Ordering::Relaxed);
        tracing::warn!(
            target: targets::POOL,
            "the server refuses to write, as a standby does; every connection is opened anew before it is lent",
        );
    }

    /// The microseconds until `at`, at least 1.
    fn micros(&self, at: Instant) -> u64 {
        let micros = at.saturating_duration_since(self.since).as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pooler_that_is_found_is_a_pooler_from_then_on() {
        let learned = Learned::new(Pooler::None);
        learned.learn(Fate::Stale);
        assert_eq!(learned.pooler(), Pooler::None);
        learned.learn(Fate::Shared);
        assert_eq!(learned.pooler(), Pooler::Transaction);
    }

    #[test]
    fn what_was_opened_before_a_refusal_is_outdated_and_nothing_after_it() {
        let learned = Learned::new(Pooler::None);
        let before = Instant::now();
        assert!(!learned.is_outdated(before));
        assert_eq!(learned.refused_write(), None);
        std::thread::sleep(Duration::from_millis(2));
        learned.learn(Fate::ReadOnly);
        assert!(learned.is_outdated(before));
        assert!(learned.refused_write().is_some());
        std::thread::sleep(Duration::from_millis(2));
        assert!(!learned.is_outdated(Instant::now()));
        learned.writes();
        assert_eq!(learned.refused_write(), None);
    }
}
