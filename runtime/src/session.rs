//! The capability to run statements inside a transaction, and nothing more.

use std::fmt;
use std::time::Duration;

use sqlx::{AssertSqlSafe, SqlSafeStr};
use tokio::time::Instant;

use crate::backend::{Backend, CommitFailure};
use crate::body::SendOnce;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::failure::Failure;
use crate::guard::{self, Allowed};
use crate::hooks::{AfterCommit, Hook};
use crate::lease::{Lease, State};
use crate::options::TxOptions;
use crate::pool::Guest;
use crate::site::Site;
use crate::statement::Statement;
use crate::stats::{Outcome, Sent};

/// The session of a boundary: it runs statements, and neither begins, commits nor rolls back.
///
/// It is lent as `&mut Session` to the body of a boundary and by that to its services, and is a sqlx
/// [`Executor`](sqlx::Executor): give it to a query as `&mut *tx`.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use demarcate::sqlite::Session;
///
/// async fn rename(tx: &mut Session, id: i64, name: &str) -> Result<(), sqlx::Error> {
///     sqlx::query("update customers set name = $1 where id = $2")
///         .bind(name)
///         .bind(id)
///         .execute(&mut *tx)
///         .await?;
///     Ok(())
/// }
/// # }
/// ```
///
/// The transaction is begun by the first statement; a body that sends none costs no round trip. A
/// statement that fails marks the session: later ones fail at once, without a round trip, with an
/// error that names the first, and the boundary does not commit even if its body returns `Ok`. A
/// failure that is meant to be survived belongs in a [`savepoint`](Self::savepoint).
///
/// # Cancel safety
///
/// A statement whose future or row stream is dropped before its end has an effect that nobody knows.
/// It marks the session as an error does.
///
/// # Why it cannot be moved
///
/// The type is unsized, though it holds nothing of unknown size: what has no size cannot be moved,
/// swapped, replaced or stored, so that `std::mem::take` and its like are no way out of the boundary.
pub struct Session<DB: Backend, Held: ?Sized = [()]> {
    pub(crate) core: Core<DB>,
    /// Its length is what makes the type unsized.
    #[expect(dead_code, reason = "there for its type")]
    held: Held,
}

impl<DB: Backend> Session<DB, [(); 0]> {
    pub(crate) fn new(db: SessionFactory<DB>, site: Site, options: TxOptions) -> Self {
        let guest = db.pool().guest();
        Self {
            core: Core {
                db,
                site,
                options,
                lease: None,
                failure: None,
                hooks: Vec::new(),
                allowed: Allowed::default(),
                savepoints: 0,
                is_unproven: false,
                sent: Sent::default(),
                prepared: 0,
                stopped_waiting: None,
                _guest: guest,
                outcome: Outcome::RolledBack,
            },
            held: [],
        }
    }
}

impl<DB: Backend> Session<DB> {
    /// The boundary that this session belongs to.
    pub fn boundary(&self) -> Site {
        self.core.site
    }

    /// Does something once the transaction has been committed, and never if it is not.
    ///
    /// A future of `()` is awaited before the boundary returns, so that a cache is invalidated before
    /// the response leaves. A [`Job`](crate::Job) is started and not waited for. They run in the order
    /// in which they were registered, on a task of their own, each by itself: one that panics is
    /// logged, and the others run. Those registered inside a [`savepoint`](Self::savepoint) that is
    /// rolled back are dropped with it.
    pub fn after_commit(&mut self, hook: impl AfterCommit<DB>) {
        self.core.hooks.push(hook.into_hook());
    }

    /// The way out: sqlx's connection itself, for COPY, or for a library that takes nothing else.
    ///
    /// Nothing that is done on it is read, counted or remembered. In a router, a service and a job it
    /// needs `allow(unguarded, reason = "..")`. The session proves before its next statement, and
    /// before the commit, that the transaction is still the one that was begun; the connection is
    /// closed at the end, except on SQLite, since nobody knows what was left on it.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::service;
    /// use demarcate::sqlite::Session;
    ///
    /// #[service(allow(unguarded, reason = "the extension takes a connection"))]
    /// async fn load(tx: &mut Session) -> Result<(), demarcate::Error> {
    ///     let connection: &mut sqlx::SqliteConnection = tx.unguarded().await?;
    ///     sqlx::query("select 1").execute(&mut *connection).await?;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] if the session has failed, and what keeps a transaction from being begun.
    ///
    /// # Cancel safety
    ///
    /// A statement that is dropped half-way on the connection is not noticed as one; where its answer
    /// is still outstanding, the proof fails, and the boundary does not commit.
    pub async fn unguarded(&mut self) -> Result<&mut DB::Connection, Error> {
        self.core.lend_connection().await
    }

    /// Lifts a rule of the statement guard, by its code, for the rest of the boundary. A connection on
    /// which a statement then leaves something is closed at the end.
    #[doc(hidden)]
    pub fn __allow(&mut self, rule: &'static str) {
        self.core.allowed.insert(rule);
    }

    /// Gives a failure a scope of its own: what the body did is undone if it returns `Err`, and the
    /// transaction around it goes on.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::sqlite::Session;
    ///
    /// /// Stores the tag, or says that it was there already.
    /// async fn add_tag(tx: &mut Session, tag: &str) -> Result<bool, sqlx::Error> {
    ///     let added = tx
    ///         .savepoint(async |tx| {
    ///             sqlx::query("insert into tags (name) values ($1)").bind(tag).execute(&mut *tx).await?;
    ///             Ok(())
    ///         })
    ///         .await;
    ///     match added {
    ///         Ok(()) => Ok(true),
    ///         Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
    ///         Err(error) => Err(error),
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The body's own. [`Error::Aborted`] if a statement of the body failed and the body returned
    /// `Ok`, or if the session had failed before.
    ///
    /// # Cancel safety
    ///
    /// Dropped half-way, it marks the session, as a dropped statement does: the boundary is rolled
    /// back.
    pub async fn savepoint<T, E, F>(&mut self, body: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
        F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
        E: From<Error>,
    {
        let depth = self.core.savepoints;
        let hooks = self.core.hooks.len();
        let name = self.core.enter_savepoint().await?;
        let mut scope = Scope {
            session: self,
            done: false,
        };
        let result = body(&mut *scope.session).await;
        scope.done = true;
        let core = &mut scope.session.core;
        core.notice_what_was_dropped(depth + 1);
        let result = match (result, core.failure.as_ref()) {
            (Ok(_), Some(failure)) => Err(failure.to_error().at(core.site).into()),
            (result, _) => result,
        };
        match result {
            Ok(value) => {
                // Which is proof as well.
                core.is_unproven = false;
                core.send(format!("RELEASE SAVEPOINT {name}")).await?;
                core.savepoints = depth;
                Ok(value)
            }
            Err(error) => {
                core.hooks.truncate(hooks);
                core.leave_savepoint(&name, depth).await;
                Err(error)
            }
        }
    }
}

/// Marks the session if the savepoint's future is dropped before its body is done.
struct Scope<'a, DB: Backend> {
    session: &'a mut Session<DB>,
    done: bool,
}

impl<DB: Backend> Drop for Scope<'_, DB> {
    fn drop(&mut self) {
        if !self.done {
            self.session.core.fail(Failure::dropped("a savepoint"));
        }
    }
}

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

/// The savepoint that bears witness that the transaction is still there.
const WITNESS: &str = "demarcate_witness";

/// What is in a session.
pub(crate) struct Core<DB: Backend> {
    pub(crate) db: SessionFactory<DB>,
    pub(crate) site: Site,
    options: TxOptions,
    /// The connection, from the first statement on.
    lease: Option<Lease<DB>>,
    /// The first failure.
    failure: Option<Failure>,
    hooks: Vec<Hook<DB>>,
    /// What the body has leave for.
    allowed: Allowed,
    /// How many savepoints are open, which numbers their names.
    savepoints: u32,
    /// The last statement may have ended the transaction, unseen.
    is_unproven: bool,
    sent: Sent,
    /// How many statements the connection had prepared before.
    prepared: usize,
    /// When a wait for a connection was given up.
    stopped_waiting: Option<Instant>,
    _guest: Guest,
    outcome: Outcome,
}

/// The session while a statement runs: the connection, and what else changes meanwhile.
pub(crate) struct Running<'a, DB: Backend> {
    pub(crate) connection: &'a mut DB::Connection,
    pub(crate) flight: Flight<'a>,
}

/// A statement on its way. Unless it [lands](Self::land), its connection stays busy.
pub(crate) struct Flight<'a> {
    state: &'a mut State,
    failure: &'a mut Option<Failure>,
}

impl Flight<'_> {
    /// The answer was read to its end.
    pub(crate) fn land(&mut self) {
        *self.state = State::Open;
    }

    /// The answer was, or ended in, an error.
    pub(crate) fn fail(&mut self, error: &sqlx::Error) {
        self.land();
        if self.failure.is_none() {
            *self.failure = Failure::of(error);
        }
    }

    /// Awaits an answer that comes in one piece.
    pub(crate) async fn watch<T>(
        mut self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        let answer = answer.await;
        match &answer {
            Ok(_) => self.land(),
            Err(error) => self.fail(error),
        }
        answer
    }
}

impl<DB: Backend> Core<DB> {
    fn fail(&mut self, failure: Failure) {
        self.failure.get_or_insert(failure);
    }

    /// Of a statement it is the connection that tells; of a savepoint that was forgotten, so that no
    /// destructor told, the depth that it has left behind.
    fn notice_what_was_dropped(&mut self, depth: u32) {
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
    fn check(&mut self) -> Result<(), Error> {
        self.notice_what_was_dropped(self.savepoints);
        match &self.failure {
            Some(failure) => Err(failure.to_error().at(self.site)),
            None => Ok(()),
        }
    }

    /// Makes ready to send a statement of the body's.
    pub(crate) async fn start(&mut self, sql: &str) -> Result<Running<'_, DB>, sqlx::Error> {
        self.check()?;
        let passed = match guard::read(sql, DB::DIALECT, &self.allowed) {
            Ok(passed) => passed,
            Err(refusal) => {
                let error = refusal.to_error().at(self.site);
                self.fail(Failure::Forbidden(refusal));
                return Err(error.into());
            }
        };
        self.begin().await?;
        self.prove_open().await?;
        if passed.leaves_state
            && let Some(lease) = &mut self.lease
        {
            lease.taint();
        }
        if passed.is_opaque {
            self.send(format!("SAVEPOINT {WITNESS}")).await?;
            self.is_unproven = true;
        }
        self.sent.statements += 1;
        Ok(self.take_off())
    }

    async fn lend_connection(&mut self) -> Result<&mut DB::Connection, Error> {
        self.check()?;
        self.begin().await?;
        self.prove_open().await?;
        self.send(format!("SAVEPOINT {WITNESS}")).await?;
        self.is_unproven = true;
        let lease = self
            .lease
            .as_mut()
            .expect("a transaction that was begun has its connection");
        lease.taint();
        Ok(lease.parts().0)
    }

    /// What the last statement ran unseen may have ended the transaction; what follows would then be
    /// committed statement by statement. The savepoint that was set before it is gone in that case.
    async fn prove_open(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.is_unproven) {
            self.send(format!("RELEASE SAVEPOINT {WITNESS}")).await?;
        }
        Ok(())
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
        if DB::PREPARES && query.is_prepared_once() {
            self.sent.round_trips += 1;
        }
        let running = self.start(query.text()).await?;
        Ok((query, running))
    }

    /// A message is about to be sent inside the transaction, which [`begin`](Self::begin) has begun.
    fn take_off(&mut self) -> Running<'_, DB> {
        self.sent.round_trips += 1;
        let lease = self
            .lease
            .as_mut()
            .expect("a transaction that was begun has its connection");
        let (connection, state) = lease.parts();
        *state = State::Busy;
        Running {
            connection,
            flight: Flight {
                state,
                failure: &mut self.failure,
            },
        }
    }

    /// Sends a statement of our own inside the transaction.
    async fn send(&mut self, sql: String) -> Result<(), Error> {
        let site = self.site;
        let Running { connection, flight } = self.take_off();
        let sent = DB::run(connection, AssertSqlSafe(sql).into_sql_str());
        flight.watch(sent).await.map_err(|source| Error::Database {
            boundary: Some(site),
            source,
        })
    }

    /// Takes a connection and begins the transaction on it, if that was not done yet.
    ///
    /// A pooled connection may have died. The begin finds that out, and nothing was executed on it
    /// then, so that another is taken in its place, unseen by the caller.
    async fn begin(&mut self) -> Result<(), Error> {
        if self.lease.is_some() {
            return Ok(());
        }
        let begun = self.begin_on_a_live_connection().await;
        begun.map_err(|error| {
            let error = error.at(self.site);
            // The original goes to the body; a copy of it is what the boundary will remember.
            let error = sqlx::Error::from(error);
            if let Some(failure) = Failure::of(&error) {
                self.fail(failure);
            }
            Error::from(error).at(self.site)
        })
    }

    async fn begin_on_a_live_connection(&mut self) -> Result<(), Error> {
        let mut dead = 0;
        loop {
            let waiting = Waiting(&mut self.stopped_waiting);
            let connection = self.db.pool().acquire().await?;
            waiting.end();
            self.prepared = DB::prepared(&connection);
            let is_reused = connection.is_reused();
            let lease = self
                .lease
                .insert(Lease::new(connection, self.options.clone()));
            self.sent.round_trips += 1;
            let (connection, state) = lease.parts();
            match DB::run(connection, DB::begin(&self.options)).await {
                Ok(()) => {
                    *state = State::Open;
                    return Ok(());
                }
                Err(error) => {
                    // sqlx would return it to the pool in an aborted state.
                    if let Some(lease) = self.lease.take() {
                        lease.discard();
                    }
                    if is_reused && DB::is_connection_lost(&error) && dead < self.db.pool().size() {
                        dead += 1;
                        continue;
                    }
                    return Err(Error::from(error));
                }
            }
        }
    }

    /// Why the boundary's time ran out, which has just been found.
    pub(crate) fn timed_out(&self, after: Duration, deadline: Instant) -> Error {
        let boundary = Some(self.site);
        // A wait that the body gave up by itself was given up before that.
        if self.stopped_waiting.is_some_and(|at| at >= deadline) {
            let size = self.db.pool().size();
            return Error::PoolTimeout {
                boundary,
                after,
                size,
            };
        }
        Error::Timeout { boundary, after }
    }

    async fn enter_savepoint(&mut self) -> Result<String, Error> {
        self.check()?;
        self.begin().await?;
        self.prove_open().await?;
        let name = format!("demarcate_{}", self.savepoints);
        self.send(format!("SAVEPOINT {name}")).await?;
        self.savepoints += 1;
        Ok(name)
    }

    /// Undoes what was done since the savepoint and clears the mark. Where that cannot be done, the
    /// mark stays, and the boundary will not commit.
    async fn leave_savepoint(&mut self, name: &str, depth: u32) {
        self.savepoints = depth;
        self.is_unproven = false;
        let failure = self.failure.take();
        if self.settle().await.is_err()
            || self
                .send(format!("ROLLBACK TO SAVEPOINT {name}"))
                .await
                .is_err()
            || self
                .send(format!("RELEASE SAVEPOINT {name}"))
                .await
                .is_err()
        {
            self.failure = failure.or(self.failure.take());
        }
    }

    /// Reads the rest of an answer that nobody waited for.
    async fn settle(&mut self) -> Result<(), Error> {
        if let Some(lease) = &mut self.lease
            && let (connection, state @ State::Busy) = lease.parts()
        {
            DB::settle(connection).await?;
            *state = State::Open;
        }
        Ok(())
    }

    /// Commits, with proof.
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] and [`Error::Forbidden`] for a session that has failed, and
    /// [`Error::Timeout`] for one whose time is over, without a round trip; [`Error::Database`] if the
    /// database refuses; [`Error::CommitUnknown`].
    pub(crate) async fn commit(
        &mut self,
        limit: Duration,
        deadline: Instant,
    ) -> Result<Vec<Hook<DB>>, Error> {
        self.notice_what_was_dropped(0);
        self.check()?;
        if self.lease.is_some() && Instant::now() >= deadline {
            // A commit that nobody has the time to wait for would be one of unknown outcome.
            return Err(self.timed_out(limit, deadline));
        }
        self.prove_open().await?;
        if let Some(lease) = &mut self.lease {
            self.sent.round_trips += 1;
            // Until the answer is there, nobody can say what a runtime that ends leaves behind.
            self.outcome = Outcome::Unknown;
            let (connection, state) = lease.parts();
            *state = State::Busy;
            let commit = DB::run(connection, DB::commit(&self.options));
            let answer = tokio::time::timeout(limit, commit)
                .await
                .unwrap_or_else(|_| {
                    Err(sqlx::Error::Io(std::io::Error::new(
                        std::io::ErrorKind::TimedOut,
                        "no answer to the commit within the boundary's timeout",
                    )))
                });
            match answer {
                Ok(()) => *state = State::Clean,
                Err(source) => return Err(self.commit_failed(source)),
            }
            self.count_prepared();
            self.lease = None;
        }
        self.outcome = Outcome::Committed;
        Ok(std::mem::take(&mut self.hooks))
    }

    /// Preparing a statement for the first time on a connection is a round trip that sqlx makes unseen.
    fn count_prepared(&mut self) {
        if let Some(lease) = &mut self.lease {
            let prepared = DB::prepared(lease.parts().0).saturating_sub(self.prepared);
            self.sent.round_trips += prepared as u64;
        }
    }

    fn commit_failed(&mut self, source: sqlx::Error) -> Error {
        let boundary = Some(self.site);
        let failure = DB::commit_failure(&source);
        if failure == CommitFailure::Unknown {
            if let Some(lease) = self.lease.take() {
                lease.discard();
            }
            return Error::CommitUnknown { boundary, source };
        }
        self.outcome = Outcome::RolledBack;
        if let Some(lease) = &mut self.lease {
            *lease.parts().1 = State::Open;
        }
        match failure {
            CommitFailure::NotOpen => Error::Aborted { boundary, source },
            _ => Error::Database { boundary, source },
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
        let Sent {
            statements,
            round_trips,
        } = self.sent;
        tracing::debug!(
            boundary = %self.site,
            outcome = ?self.outcome,
            statements,
            round_trips,
            "boundary ended",
        );
        self.db.stats_of(self.site, self.outcome, self.sent);
    }
}

impl<DB: Backend> fmt::Debug for Session<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("boundary", &self.core.site)
            .field("begun", &self.core.lease.is_some())
            .field("failed", &self.core.failure.is_some())
            .finish_non_exhaustive()
    }
}
