//! The replicas of a factory: chooses one for a boundary that only reads, and avoids those that cannot be reached.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::task;

use crate::backend::Backend;
use crate::error::Error;
use crate::options::{Isolation, ReadPreference, TxOptions};
use crate::pool::Pool;
use crate::scope::current;
use crate::util::lock::lock;

/// The replicas of a factory.
pub(crate) struct Replicas<DB: Backend> {
    pools: Vec<Pool<DB>>,
    /// When each replica was last found unreachable. `None` for a reachable one.
    missed: Vec<Mutex<Option<Instant>>>,
    /// The number of choices so far, for round robin.
    next: AtomicUsize,
    writers: Writers,
}

/// How long a boundary that prefers a replica waits for a connection to it before it uses the primary.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// How long an unreachable replica is not chosen.
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

    /// Rejects options that cannot run on a replica.
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

    /// Chooses the replica on which a boundary runs. Returns `None` if it runs on the primary.
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

    /// Records whether the replica was reachable. Returns `true` if it has just become unreachable.
    pub(crate) fn found(&self, replica: usize, was_there: bool) -> bool {
        let mut missed = self.missed(replica);
        let was_missed = missed.is_some();
        *missed = (!was_there).then(Instant::now);
        !was_there && !was_missed
    }

    /// Starts waiting for a connection to the replica. Dropping the wait marks the replica as unreachable.
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

    /// Records that the task is about to commit and may have written. Its later reads use the primary, since a replica
    /// may not have the change yet.
    pub(crate) fn writes(&self, task: Option<task::Id>) {
        if !self.pools.is_empty() {
            self.writers.enter(task);
        }
    }
}

/// The wait for a connection to a replica. Dropped before its [end](Self::end), it marks the replica as unreachable.
pub(crate) struct ReplicaWait<'a, DB: Backend> {
    replicas: &'a Replicas<DB>,
    replica: usize,
    since: Instant,
    is_over: bool,
}

/// The shortest abandoned wait that marks a replica as unreachable. A shorter one may have been abandoned for another
/// reason.
const SOON: Duration = Duration::from_millis(100);

impl<DB: Backend> ReplicaWait<'_, DB> {
    /// Ends the wait, and records whether the replica was reachable. Returns `true` if it has just become unreachable.
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

/// The tasks that have written. A task is remembered for 30 to 60 minutes: a replica that lags further behind is
/// broken, and the entries of tasks that have ended have to be removed at some time.
#[derive(Default)]
struct Writers(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashSet<Option<task::Id>>,
    old: HashSet<Option<task::Id>>,
    /// When the first task entered `young`.
    since: Option<Instant>,
}

/// How long tasks enter `young` before it replaces `old`.
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
        let task = current::task();
        let writers = lock(&self.0);
        writers.young.contains(&task) || writers.old.contains(&task)
    }
}
