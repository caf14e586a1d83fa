//! Defines [`Core`]: the state of one run of a boundary, which its session wraps.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task;
use tokio::time::Instant;

use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::Error;
use crate::observe::stats::{Record, RunOutcome};
use crate::options::effective::Effective;
use crate::pool::Guest;
use crate::pool::lease::{ConnectionState, Lease};
use crate::scope::activity::Activity;
use crate::scope::current;
use crate::scope::site::Site;
use crate::session::failure::{Failure, not_single};
use crate::session::fitness::Fitness;
use crate::session::hooks::{self, Hooks};
use crate::session::recorder::Recorder;
use crate::session::requirements::{Offer, Requirements, UnmetRequirement};
use crate::util::detach::DetachOnDrop;

/// Why a boundary does not commit in which a tripwire has seen a connection.
const PASSED: &str = "a connection was taken past the session, so that its statements are not part of the transaction; \
                      give them the session, `&mut *tx`";

/// The state of one run: its connection, whether it may commit, its hooks, and its totals.
pub(crate) struct Core<DB: Backend> {
    pub(crate) engine: Arc<Engine<DB>>,
    pub(crate) activity: Arc<Activity>,
    pub(crate) options: Arc<Effective>,
    /// The connection. `None` before the first statement.
    pub(crate) connection: Option<OnConnection<DB>>,
    pub(crate) fitness: Fitness,
    pub(crate) hooks: Hooks<DB>,
    pub(crate) recorder: Recorder,
    /// The statement, by the hash of its text, before which [`guard_types`](Self::guard_types) has set its savepoint.
    pub(crate) guards_types: Option<u64>,
    /// Whether a statement of the body was sent.
    pub(crate) has_sent: bool,
    /// How often a statement was sent again.
    pub(crate) sent_again: usize,
    /// The number of savepoints set so far, without those that were rolled back before the server lost track.
    pub(crate) savepoints_set: u64,
    /// The number of cursors opened so far.
    #[cfg(feature = "postgres")]
    pub(crate) cursors: u64,
    /// The number of the replica that the transaction runs on. `None` for the primary.
    pub(crate) replica: Option<usize>,
    /// The time at which a wait for a connection was given up.
    pub(crate) stopped_waiting: Option<Instant>,
    /// The time at which the boundary's timeout ends.
    pub(crate) deadline: Instant,
    /// The task that opened the boundary.
    pub(crate) task: Option<task::Id>,
    /// Dropping it tells the retry loop that the rollback hooks have run.
    pub(crate) until_undone: Option<oneshot::Sender<()>>,
    runtime: Handle,
    _guest: Guest,
}

/// The connection of a transaction that has begun.
pub(crate) struct OnConnection<DB: Backend> {
    pub(crate) lease: Lease<DB>,
    /// The number of statements that were prepared on the connection before the transaction.
    pub(crate) prepared: usize,
    /// Whether the connection was opened before this transaction.
    pub(crate) is_reused: bool,
    /// Whether anything was sent since the begin.
    pub(crate) is_used: bool,
}

impl<DB: Backend> OnConnection<DB> {
    /// Returns the number of statements that this transaction has prepared. sqlx spends one round trip on each.
    fn newly_prepared(&mut self) -> u64 {
        DB::prepared(self.lease.parts().connection).saturating_sub(self.prepared) as u64
    }
}

impl<DB: Backend> Core<DB> {
    pub(crate) fn new(
        engine: Arc<Engine<DB>>,
        activity: Arc<Activity>,
        record: Arc<Record>,
        options: Arc<Effective>,
        deadline: Instant,
    ) -> Self {
        let guest = engine.pool().guest();
        let replica = engine.replicas().choose(&options);
        let open = engine.open().enter(Arc::clone(&activity));
        Self {
            recorder: Recorder::new(Arc::clone(&activity), record, open),
            engine,
            activity,
            options,
            connection: None,
            fitness: Fitness::default(),
            hooks: Hooks::default(),
            guards_types: None,
            has_sent: false,
            sent_again: 0,
            savepoints_set: 0,
            #[cfg(feature = "postgres")]
            cursors: 0,
            replica,
            stopped_waiting: None,
            deadline,
            task: current::task(),
            until_undone: None,
            runtime: Handle::current(),
            _guest: guest,
        }
    }

    /// Returns the boundary.
    pub(crate) fn site(&self) -> Site {
        self.activity.site()
    }

    /// Marks the session with a failure of the current statement.
    pub(crate) fn fail(&mut self, failure: Failure) {
        self.fitness.fail(failure, || self.activity.place());
    }

    /// Marks the session if a statement was dropped, or if the number of open savepoints is not `depth`.
    pub(crate) fn detect_abandoned(&mut self, depth: u32) {
        let on = self.connection.as_ref();
        let is_busy = on.is_some_and(|on| on.lease.state() == ConnectionState::Busy);
        self.fitness
            .detect_abandoned(depth, is_busy, || self.activity.place());
    }

    /// Rejects the next statement of a session that has failed.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.detect_abandoned(self.fitness.depth());
        self.fitness.check()
    }

    /// Whether the server has committed the only statement of the boundary by itself.
    pub(crate) fn has_committed(&self) -> bool {
        self.recorder.outcome == RunOutcome::Committed
    }

    /// Rejects the commit of a session that has failed, or that was marked as rollback-only.
    ///
    /// # Errors
    ///
    /// The error of the first failure, or [`Error::RollbackOnly`], also where a [tripwire](crate::tripwire) has seen a
    /// connection of another pool.
    pub(crate) fn check_commit(&mut self) -> Result<(), Error> {
        self.detect_abandoned(0);
        let may_commit = self.fitness.check_commit(|| self.activity.place_of_run());
        if self.has_committed() && matches!(may_commit, Err(Error::RollbackOnly { .. })) {
            return Err(not_single("rollback after its statement"));
        }
        may_commit?;
        match self.activity.passed() {
            Some(place) => Err(Error::RollbackOnly {
                place,
                reason: PASSED.into(),
            }),
            None => Ok(()),
        }
    }

    /// Marks the session if the boundary does not meet the requirements of a service.
    pub(crate) fn require(&mut self, needs: Requirements) {
        let service = self.activity.service().unwrap_or(self.site());
        let given = Offer {
            isolation: self.options.isolation.unwrap_or(DB::DEFAULT_ISOLATION),
            read_only: self.options.is_read_only(),
        };
        if let Some(unmet) = UnmetRequirement::find(service, needs, given) {
            self.fail(Failure::UnmetRequirement(unmet));
        }
    }

    /// Returns the lease. The transaction must have begun.
    pub(crate) fn begun(&mut self) -> &mut Lease<DB> {
        &mut self.connection.as_mut().expect(BEGUN).lease
    }

    /// Adds the round trips that prepared statements to the totals.
    pub(crate) fn count_prepared(&mut self) {
        if let Some(on) = &mut self.connection {
            self.recorder.totals.round_trips += on.newly_prepared();
        }
    }

    /// Rolls back before the caller goes on, where the next begin would wait for the lock: on SQLite whoever waits looks for
    /// it again after milliseconds only, and a rollback takes none. A statement that may still run is not waited for.
    pub(crate) async fn free_lock(&mut self) {
        let is_open = |on: &OnConnection<DB>| on.lease.state() == ConnectionState::Open;
        if !DB::FACTS.waits_in_begin || !self.connection.as_ref().is_some_and(is_open) {
            return;
        }
        self.count_prepared();
        self.recorder.totals.round_trips += 1;
        if let Some(rollback) = self.connection.take().and_then(|on| on.lease.end()) {
            DetachOnDrop::new(rollback).await;
        }
    }

    /// Spawns the hooks of a rollback: the caller does not wait for them, and may have been cancelled.
    fn run_hooks_of_rollback(&mut self) {
        let hooks = match self.recorder.outcome {
            // The boundary itself runs the hooks of a commit. These are left of a single statement that was committed before
            // the boundary was cut short.
            RunOutcome::Committed => self.hooks.committed(),
            RunOutcome::RolledBack => self.hooks.rolled_back(),
            RunOutcome::Unknown => self.hooks.unknown(self.site()),
        };
        if hooks.is_empty() {
            return;
        }
        let rollback = self.connection.take().and_then(|on| on.lease.end());
        let (engine, site) = (Arc::clone(&self.engine), self.site());
        // Makes a factory that is closing wait for the hooks.
        let guest = engine.pool().guest();
        let until_undone = self.until_undone.take();
        self.runtime.spawn(async move {
            if let Some(rollback) = rollback {
                rollback.await;
            }
            hooks::run(&engine, site, hooks).await;
            drop((until_undone, guest));
        });
    }
}

impl<DB: Backend> Drop for Core<DB> {
    fn drop(&mut self) {
        self.count_prepared();
        let on = self.connection.as_ref();
        let has_begun = on.is_some_and(|on| !on.lease.is_implicit());
        if self.recorder.outcome == RunOutcome::RolledBack && has_begun {
            // For the rollback, which runs after the session is dropped.
            self.recorder.totals.round_trips += 1;
        }
        if let Some(mark) = self.fitness.failure() {
            self.recorder.blame(mark);
        }
        self.run_hooks_of_rollback();
    }
}

/// The message of a panic that cannot happen: nothing is sent before the begin.
pub(crate) const BEGUN: &str = "a transaction that was begun has its connection";
