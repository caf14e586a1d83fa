//! The transaction of a boundary, from its first statement to the proof of its commit.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task;
use tokio::time::{Instant, timeout};

use crate::backend::{Backend, connect_error};
use crate::classify::Category;
use crate::echo::Echo;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::failure::{Failure, Mark};
use crate::flight::{Flight, Running, Unproven};
use crate::guard::{self, Allowed, Passed};
use crate::hooks::{self, Hooks};
use crate::lease::{Lease, State};
#[cfg(feature = "metrics")]
use crate::meters;
use crate::needs::{Given, Needs, Unmet};
use crate::options::TxOptions;
use crate::pool::Guest;
use crate::pool::Pool;
use crate::register::Entered;
use crate::replicas::{self, Replica};
use crate::site::Site;
use crate::spans;
use crate::statement::Statement;
use crate::stats::{Outcome, Record, Sent};
use crate::targets;
use crate::traces;
use crate::trail::Trail;
use crate::watched::Watched;

/// What is in a session.
pub(crate) struct Core<DB: Backend> {
    pub(crate) db: SessionFactory<DB>,
    pub(crate) trail: Arc<Trail>,
    pub(crate) options: Arc<TxOptions>,
    /// The connection, from the first statement on.
    pub(crate) lease: Option<Lease<DB>>,
    /// The first failure.
    pub(crate) failure: Option<Mark>,
    /// The last statement met a conflict, which a savepoint has survived.
    pub(crate) survived_conflict: bool,
    /// Why nothing of it is to be kept.
    pub(crate) rollback_only: Option<Cow<'static, str>>,
    pub(crate) hooks: Hooks<DB>,
    /// What the body has leave for.
    pub(crate) allowed: Allowed,
    /// How many savepoints are open, which numbers their names.
    pub(crate) savepoints: u32,
    /// The last statement may have ended the transaction, unseen.
    pub(crate) is_unproven: bool,
    /// How many savepoints there have been.
    pub(crate) savepoints_set: u64,
    pub(crate) sent: Sent,
    /// The replica that it runs on.
    replica: Option<usize>,
    /// How many statements the connection had prepared before.
    prepared: usize,
    /// When a wait for a connection was given up.
    stopped_waiting: Option<Instant>,
    runtime: Handle,
    /// The task that opened it.
    pub(crate) task: Option<task::Id>,
    /// When the time of the boundary is over.
    deadline: Instant,
    _guest: Guest,
    record: Arc<Record>,
    /// Until it was committed.
    open: Option<Entered<Arc<Trail>>>,
    /// How long it took until then.
    took: Option<Duration>,
    pub(crate) outcome: Outcome,
    /// What kind of error the boundary ended with, if it was one of its own.
    pub(crate) ended_by: Option<Category>,
    /// Dropped once the hooks of a rollback are done.
    pub(crate) until_undone: Option<oneshot::Sender<()>>,
}

impl<DB: Backend> Core<DB> {
    pub(crate) fn new(
        db: SessionFactory<DB>,
        trail: Arc<Trail>,
        record: Arc<Record>,
        options: Arc<TxOptions>,
        deadline: Instant,
    ) -> Self {
        let guest = db.pool().guest();
        let replica = db.replicas().choose(&options);
        Self {
            open: Some(db.open().enter(Arc::clone(&trail))),
            took: None,
            record,
            replica,
            db,
            trail,
            options,
            lease: None,
            failure: None,
            survived_conflict: false,
            rollback_only: None,
            hooks: Hooks::default(),
            allowed: Allowed::default(),
            savepoints: 0,
            is_unproven: false,
            savepoints_set: 0,
            sent: Sent::default(),
            prepared: 0,
            stopped_waiting: None,
            runtime: Handle::current(),
            task: task::try_id(),
            deadline,
            _guest: guest,
            outcome: Outcome::RolledBack,
            ended_by: None,
            until_undone: None,
        }
    }

    /// The boundary.
    pub(crate) fn site(&self) -> Site {
        self.trail.site()
    }

    pub(crate) fn fail(&mut self, failure: Failure) {
        let mark = || Mark::new(failure, self.trail.place());
        self.failure.get_or_insert_with(mark);
    }

    /// It was committed. What is done after that is not part of it.
    pub(crate) fn committed(&mut self) {
        self.outcome = Outcome::Committed;
        self.took = Some(self.trail.began().elapsed());
        self.open = None;
    }

    /// What the boundary ends with, since it does not commit.
    pub(crate) fn end_with(&mut self, error: Error) -> Error {
        let error = error.at(|| self.trail.place_of_run());
        self.ended_by = Some(error.classification().category);
        let transaction = Some(self.trail.transaction());
        self.record.failed(error.to_string(), transaction);
        error
    }

    /// Of a statement it is the connection that tells; of a savepoint that was forgotten, so that no
    /// destructor told, the depth that it has left behind.
    pub(crate) fn notice_what_was_dropped(&mut self, depth: u32) {
        if self.savepoints != depth {
            self.fail(Failure::dropped("a savepoint"));
        }
        if self
            .lease
            .as_ref()
            .is_some_and(|lease| lease.state() == State::Busy)
        {
            self.fail(Failure::dropped("a statement"));
        }
    }

    /// Whether another statement may be sent.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.notice_what_was_dropped(self.savepoints);
        match &self.failure {
            Some(mark) => Err(mark.to_error()),
            None => Ok(()),
        }
    }

    /// Whether the boundary, run again as a whole, may do without what has just failed.
    ///
    /// What was run unseen may have committed before it failed, and would be done twice.
    pub(crate) fn may_succeed_again(&self) -> bool {
        if self.is_unproven {
            return false;
        }
        match &self.failure {
            Some(mark) => mark.may_succeed_again(),
            None => self.survived_conflict,
        }
    }

    /// Marks the session where the boundary gives less than a service needs.
    pub(crate) fn require(&mut self, needs: Needs) {
        let service = self.trail.service().unwrap_or(self.site());
        let given = Given {
            isolation: self.options.isolation.unwrap_or(DB::DEFAULT_ISOLATION),
            read_only: self.options.is_read_only(),
        };
        if let Some(unmet) = Unmet::find(service, needs, given) {
            self.fail(Failure::Unmet(unmet));
        }
    }

    /// Whether a statement may be sent, and what it leaves behind.
    fn admit(&mut self, sql: &str) -> Result<Passed, Error> {
        self.check()?;
        guard::read(sql, DB::DIALECT, &self.allowed).map_err(|refusal| {
            // It was not sent, and is not the one that the trail knows.
            let place = self.trail.place_of_run().at(self.trail.service(), None);
            let mark = Mark::new(Failure::Forbidden(refusal), place);
            self.failure.insert(mark).to_error()
        })
    }

    /// Makes ready to send a statement of the body's, which is prepared in so many round trips of its own.
    async fn start(
        &mut self,
        sql: &SqlStr,
        preparing: u64,
    ) -> Result<Running<'_, DB>, sqlx::Error> {
        let passed = self.admit(sql.as_str())?;
        self.begin().await?;
        if passed.leaves_state {
            self.begun().taint();
        }
        if passed.is_opaque {
            self.set_witness().await?;
        }
        self.sent.statements += 1;
        self.sent.round_trips += preparing;
        self.survived_conflict = false;
        Ok(self.take_off(Some(sql)))
    }

    /// The same for one that is to stay on the server's session, where that is ours.
    pub(crate) async fn start_named(
        &mut self,
        sql: &SqlStr,
    ) -> Result<Running<'_, DB>, sqlx::Error> {
        self.admit(sql.as_str())?;
        if self.db.pool().pooler().shares_sessions() {
            return Err(traces::no_names().at(|| self.trail.place_of_run()).into());
        }
        self.start(sql, 0).await
    }

    /// The same for a query, which may turn out to be none: a value that cannot be encoded is the
    /// body's own affair.
    pub(crate) async fn start_query(
        &mut self,
        mut query: Statement<DB>,
    ) -> Result<(Statement<DB>, Running<'_, DB>), sqlx::Error> {
        if let Some(error) = query.encoding_error() {
            return Err(error);
        }
        if self.db.pool().pooler().shares_sessions() {
            query.send_unnamed();
        }
        let comments = self.db.sql_comments().filter(|_| query.takes_comment());
        let comment = comments.map(|comments| {
            let inside = self.trail.span().clone();
            inside.in_scope(|| comments.next(&self.trail))
        });
        if comment.as_ref().is_some_and(|comment| comment.is_unique) {
            query.send_unnamed();
        }
        let preparing = u64::from(DB::PREPARES && query.is_prepared_once());
        let running = self.start(query.text(), preparing).await?;
        if let Some(comment) = comment {
            query.append(&comment.text);
        }
        Ok((query, running))
    }

    pub(crate) async fn lend_connection(&mut self) -> Result<&mut DB::Connection, Error> {
        self.check()?;
        self.begin().await?;
        self.set_witness().await?;
        self.survived_conflict = false;
        let lease = self.begun();
        lease.taint();
        Ok(lease.parts().0)
    }

    /// The lease of a transaction that [`begin`](Self::begin) has begun.
    fn begun(&mut self) -> &mut Lease<DB> {
        self.lease.as_mut().expect(BEGUN)
    }

    /// Something is about to run unseen: [`prove_open`](Self::prove_open) will tell what it left.
    async fn set_witness(&mut self) -> Result<(), Error> {
        self.send(format!("SAVEPOINT {WITNESS}")).await?;
        self.is_unproven = true;
        Ok(())
    }

    /// What the last statement ran unseen may have ended the transaction; what follows would then be
    /// committed statement by statement. The savepoint that was set before it is gone in that case.
    pub(crate) async fn prove_open(&mut self) -> Result<(), Error> {
        if !self.is_unproven {
            return Ok(());
        }
        let released = self.send(format!("RELEASE SAVEPOINT {WITNESS}")).await;
        self.is_unproven = false;
        match released {
            Err(unknown @ Error::CommitUnknown { .. }) => Err(unknown),
            Err(error) => {
                let gone = Mark::new(Failure::gone(&error), self.trail.place());
                Err(self.failure.insert(gone).to_error())
            }
            Ok(()) => Ok(()),
        }
    }

    /// A message is about to be sent inside the transaction, which [`begin`](Self::begin) has begun. It is watched
    /// where it is a statement of the body's.
    fn take_off(&mut self, statement: Option<&SqlStr>) -> Running<'_, DB> {
        self.sent.round_trips += 1;
        let limit = self.options.statement_timeout;
        let (db, trail) = (&self.db, &*self.trail);
        let watched = statement.map(|sql| Watched {
            span: trail.sends(sql),
            sent_at: std::time::Instant::now(),
            echo: db
                .echoes()
                .then(|| Echo::new(sql.as_str(), DB::DIALECT, trail)),
            sent: &mut self.sent,
            times: db.statement_histogram(),
            affected: 0,
            returned: 0,
            is_over: false,
        });
        let lease = self.lease.as_mut().expect(BEGUN);
        let (connection, state) = lease.parts();
        *state = State::Busy;
        Running {
            connection,
            flight: Flight {
                state,
                failure: &mut self.failure,
                judge: Failure::of::<DB>,
                trail,
                limit: limit.filter(|_| !DB::TIMES_STATEMENTS),
                watched,
                unproven: self.is_unproven.then_some(Unproven {
                    outcome: &mut self.outcome,
                    is_lost: DB::is_connection_lost,
                }),
            },
        }
    }

    /// Sends a statement of our own inside the transaction.
    pub(crate) async fn send(&mut self, sql: String) -> Result<(), Error> {
        let Running { connection, flight } = self.take_off(None);
        let sent = DB::run(connection, AssertSqlSafe(sql).into_sql_str());
        let sent = flight.watch(sent).await;
        sent.map_err(|error| Error::from(error).at(|| self.trail.place_of_run()))
    }

    /// Takes a connection and begins the transaction on it; where that was done, sees that it is still
    /// there.
    ///
    /// A pooled connection may have died. The begin finds that out, and nothing was executed on it
    /// then, so that another is taken in its place, unseen by the caller.
    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        if self.lease.is_some() {
            return self.prove_open().await;
        }
        // Once in a transaction, and else it would make the future of every statement larger.
        let begun = Box::pin(self.begin_on_a_live_connection()).await;
        begun.map_err(|error| {
            let error = error.at(|| self.trail.place_of_run());
            // The original goes to the body; a copy of it is what the boundary will remember.
            let error = sqlx::Error::from(error);
            if let Some(failure) = Failure::of::<DB>(&error) {
                self.fail(failure);
            }
            Error::from(error).at(|| self.trail.place_of_run())
        })
    }

    async fn begin_on_a_live_connection(&mut self) -> Result<(), Error> {
        let Some(replica) = self.replica else {
            return self.begin_on_the_chosen_pool().await;
        };
        let db = self.db.clone();
        let waiting = db.replicas().wait_for(replica);
        let begun = if self.options.replica == Some(Replica::Require) {
            self.begin_on_the_chosen_pool().await
        } else {
            self.begin_on_a_replica_soon().await
        };
        let is_news = waiting.end(begun.is_ok());
        let Err(error) = begun else { return begun };
        if self.options.replica == Some(Replica::Require) {
            return Err(error);
        }
        if is_news {
            tracing::warn!(target: targets::TRANSACTION, boundary = %self.site(), replica, %error, "no replica: the primary is read");
        }
        self.replica = None;
        self.begin_on_the_chosen_pool().await
    }

    /// There is another place to read from, for which time is to be left.
    async fn begin_on_a_replica_soon(&mut self) -> Result<(), Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = replicas::PATIENCE.min(left / 2);
        match timeout(patience, self.begin_on_the_chosen_pool()).await {
            Ok(begun) => begun,
            Err(_) => {
                if let Some(lease) = self.lease.take() {
                    lease.discard();
                }
                Err(Pool::<DB>::no_answer(patience))
            }
        }
    }

    /// The pool that its connection comes from.
    fn pool(&self) -> &Pool<DB> {
        let replica = self.replica.and_then(|n| self.db.replicas().pools().get(n));
        replica.unwrap_or(self.db.pool())
    }

    async fn begin_on_the_chosen_pool(&mut self) -> Result<(), Error> {
        let mut dead = 0;
        loop {
            // The pool is part of the factory, which this has a share of.
            let db = self.db.clone();
            let pool = self.replica.and_then(|n| db.replicas().pools().get(n));
            let pool = pool.unwrap_or(db.pool());
            let waiting = Waiting(&mut self.stopped_waiting);
            let began = Instant::now();
            let acquired = pool.acquire(self.trail.site()).await;
            self.sent.acquiring += began.elapsed();
            let connection = acquired?;
            waiting.end();
            self.prepared = DB::prepared(&connection);
            let is_reused = connection.is_reused();
            let lease = self
                .lease
                .insert(Lease::new(connection, Arc::clone(&self.options)));
            self.sent.round_trips += 1;
            let begin = DB::begin(&self.options, lease.fitting());
            let (connection, _) = lease.parts();
            self.trail.begins();
            let begun = DB::run_for_row(connection, begin).await;
            match begun.and_then(DB::begun) {
                Ok(begun) => {
                    self.trail.begun(begun.process, self.replica);
                    lease.begin(begun);
                    return Ok(());
                }
                Err(error) => {
                    self.trail.begun(None, None);
                    // sqlx would return it to the pool in an aborted state.
                    if let Some(lease) = self.lease.take() {
                        lease.discard();
                    }
                    if is_reused && DB::is_connection_lost(&error) && dead < pool.size() {
                        dead += 1;
                        continue;
                    }
                    let is_refused = error
                        .as_database_error()
                        .is_some_and(|error| DB::refusal(error).is_some());
                    return Err(if is_refused {
                        connect_error::<DB>(error)
                    } else {
                        Error::from(error)
                    });
                }
            }
        }
    }

    /// Why the boundary's time ran out, which has just been found.
    pub(crate) fn timed_out(&self, after: Duration, deadline: Instant) -> Error {
        let place = self.trail.place();
        // A wait that the body gave up by itself was given up before that.
        if self.stopped_waiting.is_some_and(|at| at >= deadline) {
            if !self.pool().is_exhausted() {
                // It was being made, which is nobody's fault who holds another.
                return Pool::<DB>::no_answer(after).at(|| place);
            }
            let status = self.pool().status();
            return Error::PoolTimeout {
                place,
                after,
                size: status.max_connections,
                holders: status.holders,
            };
        }
        Error::Timeout { place, after }
    }

    /// Preparing a statement for the first time on a connection is a round trip that sqlx makes unseen.
    pub(crate) fn count_prepared(&mut self) {
        if let Some(lease) = &mut self.lease {
            let prepared = DB::prepared(lease.parts().0).saturating_sub(self.prepared);
            self.sent.round_trips += prepared as u64;
        }
    }
}

impl<DB: Backend> Drop for Core<DB> {
    fn drop(&mut self) {
        self.count_prepared();
        if self.outcome == Outcome::RolledBack && self.lease.is_some() {
            // The rollback, which goes on without us.
            self.sent.round_trips += 1;
        }
        let (trail, outcome, sent) = (&self.trail, self.outcome, &self.sent);
        if let (None, Some(mark)) = (self.ended_by, &self.failure) {
            let (said, category) = mark.returned();
            self.ended_by = Some(category);
            self.record.failed(said, Some(trail.transaction()));
        }
        spans::boundary_ended(trail.span(), outcome, self.ended_by, sent);
        tracing::debug!(
            target: targets::TRANSACTION,
            parent: trail.span(),
            boundary = %trail.site(),
            ?outcome,
            statements = sent.statements,
            round_trips = sent.round_trips,
            "boundary ended",
        );
        let took = self.took.unwrap_or_else(|| trail.began().elapsed());
        self.record.ended(trail.transaction(), outcome, sent, took);
        #[cfg(feature = "metrics")]
        meters::ended(trail.site(), outcome, self.ended_by, sent, took);
        self.run_hooks_of_rollback();
    }
}

impl<DB: Backend> Core<DB> {
    /// Leaves to a task what is to be done after the rollback: the caller does not wait for it, and may
    /// be gone.
    fn run_hooks_of_rollback(&mut self) {
        let hooks = match self.outcome {
            // They were run by the boundary.
            Outcome::Committed => return,
            Outcome::RolledBack => self.hooks.rolled_back(),
            Outcome::Unknown => self.hooks.unknown(self.site()),
        };
        if hooks.is_empty() {
            return;
        }
        let rollback = self.lease.take().and_then(Lease::end);
        let (db, site) = (self.db.clone(), self.site());
        // So that closing the factory waits for them.
        let guest = db.pool().guest();
        let until_undone = self.until_undone.take();
        self.runtime.spawn(async move {
            if let Some(rollback) = rollback {
                rollback.await;
            }
            hooks::run(&db, site, hooks).await;
            drop((until_undone, guest));
        });
    }
}

const BEGUN: &str = "a transaction that was begun has its connection";

/// The savepoint that bears witness that the transaction is still there.
const WITNESS: &str = "demarcate_witness";

/// Notes when a wait is given up.
struct Waiting<'a>(&'a mut Option<Instant>);

impl Waiting<'_> {
    fn end(self) {
        std::mem::forget(self);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        *self.0 = Some(Instant::now());
    }
}
