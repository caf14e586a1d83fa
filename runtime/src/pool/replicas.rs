//! Copies of the database that boundaries may read from.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::task;

use crate::backend::Backend;
use crate::error::Error;
use crate::options::{Isolation, ReadPreference, TxOptions};
use crate::pool::Pool;
use crate::util::lock::lock;

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
            Some(ReadPreference::Prefer | ReadPreference::Require) if !options.is_read_only() => {
                Err(Error::config(
                    "a replica is for reading; give `read_only` with `replica`",
                ))
            }
            Some(ReadPreference::Require) if self.pools.is_empty() => Err(Error::config(
                "`replica = Require` needs a replica, and this factory has none; name one with \
                 `Builder::replica`, or write `replica = Prefer`",
            )),
            Some(ReadPreference::Require) if options.isolation == Some(Isolation::Serializable) => {
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
            ReadPreference::Never => return None,
            ReadPreference::Prefer
                if options.isolation == Some(Isolation::Serializable)
                    || self.writers.has_written() =>
            {
                return None;
            }
            ReadPreference::Prefer | ReadPreference::Require => {}
        }
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut turns = (0..self.pools.len()).map(|n| (first.wrapping_add(n)) % self.pools.len());
        let well = turns.clone().find(|&n| !self.was_missed(n));
        match options.replica {
            Some(ReadPreference::Require) => well.or_else(|| turns.next()),
            _ => well,
        }
    }

    /// Whether one could be had; and whether that it could not is news.
    pub(crate) fn found(&self, replica: usize, was_there: bool) -> bool {
        let mut missed = self.missed(replica);
        let was_missed = missed.is_some();
        *missed = (!was_there).then(Instant::now);
        !was_there && !was_missed
    }

    /// One is waited for. Where the wait is given up, it was missed.
    pub(crate) fn wait_for(&self, replica: usize) -> ReplicaWait<'_, DB> {
        ReplicaWait {
            replicas: self,
            replica,
            since: Instant::now(),
            is_over: false,
        }
    }

    fn was_missed(&self, replica: usize) -> bool {
        let missed = *self.missed(replica);
        missed.is_some_and(|missed| missed.elapsed() < AVOIDED)
    }

    fn missed(&self, replica: usize) -> MutexGuard<'_, Option<Instant>> {
        let missed = &self.missed[replica];
        lock(missed)
    }

    /// The task may have written something: it is about to commit.
    pub(crate) fn writes(&self, task: Option<task::Id>) {
        if !self.pools.is_empty() {
            self.writers.enter(task);
        }
    }
}

/// A wait for a replica.
pub(crate) struct ReplicaWait<'a, DB: Backend> {
    replicas: &'a Replicas<DB>,
    replica: usize,
    since: Instant,
    is_over: bool,
}

/// Who gives up sooner than this may have had other reasons.
const SOON: Duration = Duration::from_millis(100);

impl<DB: Backend> ReplicaWait<'_, DB> {
    /// It was there, or was not.
    pub(crate) fn end(mut self, was_there: bool) -> bool {
        self.is_over = true;
        self.replicas.found(self.replica, was_there)
    }
}

impl<DB: Backend> Drop for ReplicaWait<'_, DB> {
    fn drop(&mut self) {
        if !self.is_over && self.since.elapsed() >= SOON {
            self.replicas.found(self.replica, false);
        }
    }
}

/// The tasks that have written. They are remembered for half an hour to an hour: a replica that is further behind is
/// broken, and the entries of tasks that have ended must go some time.
#[derive(Default)]
struct Writers(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashSet<Option<task::Id>>,
    old: HashSet<Option<task::Id>>,
    /// When the young ones began.
    since: Option<Instant>,
}

const GENERATION: Duration = Duration::from_secs(30 * 60);

impl Writers {
    fn enter(&self, task: Option<task::Id>) {
        let mut writers = lock(&self.0);
        if writers
            .since
            .is_none_or(|since| since.elapsed() >= GENERATION)
        {
            writers.old = std::mem::take(&mut writers.young);
            writers.since = Some(Instant::now());
        }
        writers.young.insert(task);
    }

    fn has_written(&self) -> bool {
        let task = task::try_id();
        let writers = lock(&self.0);
        writers.young.contains(&task) || writers.old.contains(&task)
    }
}
