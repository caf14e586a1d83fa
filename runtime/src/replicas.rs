//! Copies of the database that boundaries may read from.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task;

use crate::backend::Backend;
use crate::error::Error;
use crate::options::{Isolation, TxOptions};
use crate::pool::Pool;

/// Whether a read-only boundary runs on a replica, which may be behind the primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Replica {
    /// On a replica if one can be had; on the primary otherwise, and after this task has written something,
    /// which the replica may not have yet.
    Prefer,
    /// On a replica or not at all, also after a write of this task.
    Require,
    /// On the primary.
    Never,
}

/// The replicas of a factory.
pub(crate) struct Replicas<DB: Backend> {
    pools: Vec<Pool<DB>>,
    /// Which of them could not be had, and when that was.
    missed: Vec<Mutex<Option<Instant>>>,
    /// Whose turn it is.
    next: AtomicUsize,
    writers: Writers,
}

/// How long a boundary that prefers a replica waits for it, before it reads the primary.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// How long those that come after it do not try.
const AVOIDED: Duration = Duration::from_secs(2);

impl<DB: Backend> Replicas<DB> {
    pub(crate) fn new(pools: Vec<Pool<DB>>) -> Self {
        Self {
            missed: pools.iter().map(|_| Mutex::default()).collect(),
            pools,
            next: AtomicUsize::new(0),
            writers: Writers::default(),
        }
    }

    pub(crate) fn pools(&self) -> &[Pool<DB>] {
        &self.pools
    }

    /// What such a boundary is never given.
    pub(crate) fn check(&self, options: &TxOptions) -> Result<(), Error> {
        match options.replica {
            Some(Replica::Prefer | Replica::Require) if !options.is_read_only() => Err(
                Error::config("a replica is for reading; give `read_only` with `replica`"),
            ),
            Some(Replica::Require) if self.pools.is_empty() => Err(Error::config(
                "`replica = Require` needs a replica, and this factory has none; name one with \
                 `Builder::replica`, or write `replica = Prefer`",
            )),
            Some(Replica::Require) if options.isolation == Some(Isolation::Serializable) => {
                Err(Error::config(
                    "a replica cannot tell what is serializable; write `isolation = RepeatableRead` with \
                     `replica = Require`",
                ))
            }
            _ => Ok(()),
        }
    }

    /// The replica that a boundary runs on, if it is one of those that do.
    pub(crate) fn choose(&self, options: &TxOptions) -> Option<usize> {
        if self.pools.is_empty() || !options.is_read_only() {
            return None;
        }
        match options.replica? {
            Replica::Never => return None,
            Replica::Prefer
                if options.isolation == Some(Isolation::Serializable)
                    || self.writers.has_written() =>
            {
                return None;
            }
            Replica::Prefer | Replica::Require => {}
        }
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut turns = (0..self.pools.len()).map(|n| (first.wrapping_add(n)) % self.pools.len());
        let well = turns.clone().find(|&n| !self.was_missed(n));
        match options.replica {
            Some(Replica::Require) => well.or_else(|| turns.next()),
            _ => well,
        }
    }

    /// Whether one could be had.
    pub(crate) fn found(&self, replica: usize, was_there: bool) {
        *self.missed(replica) = (!was_there).then(Instant::now);
    }

    fn was_missed(&self, replica: usize) -> bool {
        let missed = *self.missed(replica);
        missed.is_some_and(|missed| missed.elapsed() < AVOIDED)
    }

    fn missed(&self, replica: usize) -> MutexGuard<'_, Option<Instant>> {
        let missed = &self.missed[replica];
        missed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The running task has committed something.
    pub(crate) fn wrote(&self) {
        if !self.pools.is_empty() {
            self.writers.enter();
        }
    }
}

/// The tasks that have written, and when.
#[derive(Default)]
struct Writers(Mutex<HashMap<Option<task::Id>, Instant>>);

/// A replica that is further behind than this is broken, and the entries of tasks that have ended must go
/// some time.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

/// The register is cleared of old entries whenever it has grown by so many.
const CLEARED_EVERY: usize = 1024;

impl Writers {
    fn enter(&self) {
        let mut writers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if writers.len() % CLEARED_EVERY == CLEARED_EVERY - 1 {
            writers.retain(|_, wrote| wrote.elapsed() < REMEMBERED);
        }
        writers.insert(task::try_id(), Instant::now());
    }

    fn has_written(&self) -> bool {
        let writers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let wrote = writers.get(&task::try_id());
        wrote.is_some_and(|wrote| wrote.elapsed() < REMEMBERED)
    }
}
