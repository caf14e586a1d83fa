//! The lease of a connection to one transaction: decides whether the connection returns to the pool, is rolled back
//! first, or is closed.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use tokio::time::timeout;

use crate::backend::{Backend, BeginReply};
use crate::classify::{Fate, Redacted};
use crate::options::effective::Effective;
use crate::pool::Connection;
use crate::pool::access_mode::AccessMode;
use crate::settings::TargetSessionAttrs;
use crate::targets;

/// The state of the protocol on a leased connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionState {
    /// No transaction is open. The connection can return to the pool as it is.
    Clean,
    /// A transaction is open, and no answer is outstanding.
    Open,
    /// A transaction is open, beginning or ending, and an answer has not been read to its end.
    Busy,
    /// A transaction is open, and rows of a statement that was accepted have not been read to their end.
    Streaming,
    /// The connection is lost. Nothing more is sent on it.
    Lost,
}

/// A leased connection, and what a statement on it may change.
pub(crate) struct LeasedParts<'a, DB: Backend> {
    pub(crate) connection: &'a mut DB::Connection,
    pub(crate) state: &'a mut ConnectionState,
    pub(crate) spent: &'a mut Option<Fate>,
    /// The state of the connection between two statements.
    pub(crate) at_rest: ConnectionState,
}

/// Ensures that a connection returns to the pool clean, or not at all.
///
/// This is the only place that decides about a connection whose boundary ends early: by an error, a panic, a timeout,
/// or because the client disconnected. `Drop` cannot wait, so it spawns the rollback as a task. The connection is not
/// lent to anybody else until that task has ended.
pub(crate) struct Lease<DB: Backend> {
    held: Option<ActiveLease<DB>>,
}

/// The content of a lease that has not ended.
struct ActiveLease<DB: Backend> {
    connection: Connection<DB>,
    state: ConnectionState,
    /// Whether the transaction left state on the server's session that outlives it.
    is_tainted: bool,
    /// Why the connection cannot be used after this transaction, if it cannot.
    spent: Option<Fate>,
    /// Whether the statements that are prepared on the connection may not fit the schema.
    is_stale: bool,
    /// Whether the transaction may have changed the schema.
    changed_schema: bool,
    options: Arc<Effective>,
    /// Whether the server begins and ends a transaction for each statement, so that none is open between them.
    is_implicit: bool,
    /// Whether the begin that was sent takes back that the connection is read-only.
    writes_again: bool,
    /// Whether the begin was answered.
    has_begun: bool,
    begun: BeginReply,
}

impl<DB: Backend> Lease<DB> {
    /// Creates the lease of a connection on which a transaction is about to begin.
    pub(crate) fn new(connection: Connection<DB>, options: Arc<Effective>) -> Self {
        Self {
            held: Some(ActiveLease {
                state: ConnectionState::Busy,
                is_tainted: false,
                spent: None,
                is_stale: connection.is_stale(),
                changed_schema: false,
                connection,
                options,
                is_implicit: false,
                writes_again: false,
                has_begun: false,
                begun: BeginReply::default(),
            }),
        }
    }

    fn held(&mut self) -> &mut ActiveLease<DB> {
        self.held.as_mut().expect(HELD)
    }

    /// Returns the connection and its state. The caller sets the state to [`ConnectionState::Busy`] before it sends
    /// anything, and to the actual state when the answer has been read to its end.
    pub(crate) fn parts(&mut self) -> LeasedParts<'_, DB> {
        let held = self.held();
        LeasedParts {
            at_rest: held.at_rest(),
            connection: &mut held.connection,
            state: &mut held.state,
            spent: &mut held.spent,
        }
    }

    /// Records that the schema may have changed: what was prepared before must not be used any more.
    pub(crate) fn changes_schema(&mut self) {
        let held = self.held();
        (held.is_stale, held.changed_schema) = (true, true);
    }

    /// Records that a savepoint was rolled back, and with it a change of the schema.
    pub(crate) fn restores_schema(&mut self) {
        let held = self.held();
        held.is_stale |= held.changed_schema;
    }

    /// Records that the schema is another than at the connection's last transaction.
    pub(crate) fn meets_new_schema(&mut self) {
        self.held().is_stale = true;
    }

    /// Whether the prepared statements have to be forgotten before the next statement.
    pub(crate) fn is_stale(&self) -> bool {
        self.held.as_ref().expect(HELD).is_stale
    }

    /// Whether a statement, given by the hash of its text, may meet a type that the connection does not know.
    pub(crate) fn may_meet_type(&mut self, text: u64) -> bool {
        self.held().connection.may_meet_type(text)
    }

    /// Records that the connection knows the types of a statement.
    pub(crate) fn knows_types_of(&mut self, text: u64) {
        self.held().connection.knows_types_of(text);
    }

    /// Records that a statement has met a type that the connection did not know.
    pub(crate) fn met_type(&mut self, text: u64) {
        self.held().connection.met_type(text);
    }

    /// Records that the statements that were prepared on the connection are forgotten.
    pub(crate) fn has_forgotten(&mut self) {
        let held = self.held();
        held.is_stale = false;
        held.connection.set_stale(false);
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.held.as_ref().expect(HELD).state
    }

    pub(crate) fn fitting(&self) -> &DB::Fitting {
        self.held.as_ref().expect(HELD).connection.fitting()
    }

    /// Records that the transaction has begun.
    pub(crate) fn begin(&mut self, begun: BeginReply) {
        let held = self.held();
        if std::mem::take(&mut held.writes_again) {
            held.connection.set_access_mode(AccessMode::Configured);
        }
        held.begun = begun;
        held.has_begun = true;
        held.state = ConnectionState::Open;
    }

    /// Records that the server runs each statement in a transaction of its own, so that none is open. Returns the server's
    /// number of the connection.
    pub(crate) fn begin_nothing(&mut self) -> Option<u64> {
        let held = self.held();
        held.begun.process = held.connection.process();
        held.is_implicit = true;
        held.has_begun = true;
        held.state = ConnectionState::Clean;
        held.begun.process
    }

    /// Records that a transaction is about to begin, on a connection on which statements had transactions of their own.
    pub(crate) fn begin_after_all(&mut self) {
        let held = self.held();
        held.is_implicit = false;
        held.state = ConnectionState::Busy;
    }

    /// Whether the server runs each statement in a transaction of its own.
    pub(crate) fn is_implicit(&self) -> bool {
        self.held.as_ref().expect(HELD).is_implicit
    }

    /// Makes the connection ready for statements that run in transactions of their own. Returns `false`, and changes nothing,
    /// if the settings of its session forbid that. A connection that `must_live` is asked first if it lay idle. Adds its
    /// round trips to `round_trips`.
    pub(crate) async fn run_alone(
        &mut self,
        must_live: bool,
        round_trips: &mut u64,
    ) -> Result<bool, sqlx::Error> {
        let held = self.held();
        if held.connection.access_mode() == AccessMode::Fixed {
            return Ok(false);
        }
        let mut may_be_dead = must_live && held.connection.has_lain_idle();
        if held.connection.process().is_none() {
            *round_trips += 1;
            let process = DB::may_run_alone(&mut held.connection).await?;
            held.connection.set_process(process);
            if process.is_none() {
                held.connection.set_access_mode(AccessMode::Fixed);
                return Ok(false);
            }
            may_be_dead = false;
        }
        let (wanted, sql) = match held.options.is_read_only() {
            true => (AccessMode::ReadOnly, DB::READ_ONLY),
            false => (AccessMode::Configured, DB::WRITE_AGAIN),
        };
        if held.connection.access_mode() != wanted {
            *round_trips += 1;
            held.connection.set_access_mode(AccessMode::Unknown);
            DB::run(&mut held.connection, sql.into_sql_str()).await?;
            held.connection.set_access_mode(wanted);
        } else if may_be_dead {
            *round_trips += 1;
            DB::drain(&mut held.connection).await?;
        }
        Ok(true)
    }

    /// Returns the SQL that begins the transaction.
    pub(crate) fn begin_sql(&mut self, target: TargetSessionAttrs) -> SqlStr {
        let held = self.held();
        let begin = DB::begin(&held.options, held.connection.fitting(), target);
        // A transaction that says so is read-only whatever the connection is.
        if held.options.is_read_only() || !held.connection.access_mode().may_be_read_only() {
            return begin;
        }
        held.connection.set_access_mode(AccessMode::Unknown);
        held.writes_again = true;
        AssertSqlSafe(format!("{}{}", DB::WRITE_AGAIN, begin.as_str())).into_sql_str()
    }

    /// Lets the server accept writes outside any transaction again, if it was told not to.
    pub(crate) async fn write_again(&mut self) -> Result<(), sqlx::Error> {
        let held = self.held();
        if held.connection.access_mode().may_be_read_only() {
            DB::run(&mut held.connection, DB::WRITE_AGAIN.into_sql_str()).await?;
            held.connection.set_access_mode(AccessMode::Configured);
        }
        Ok(())
    }

    /// Returns the server's number of the connection.
    pub(crate) fn process(&self) -> Option<u64> {
        self.held.as_ref().expect(HELD).begun.process
    }

    /// Returns the id that the database gave the transaction, if it was asked for.
    pub(crate) fn transaction(&self) -> Option<&str> {
        self.held.as_ref().expect(HELD).begun.transaction.as_deref()
    }

    /// Whether the transaction left state on the server's session that outlives it.
    pub(crate) fn is_tainted(&self) -> bool {
        self.held.as_ref().expect(HELD).is_tainted
    }

    /// Marks the connection to be closed at the end of the lease, if the database is behind a connection to a server.
    #[cfg(feature = "migrate")]
    pub(crate) fn retire(&mut self) {
        self.held().spent = DB::FACTS.closes_tainted.then_some(Fate::Stale);
    }

    /// Marks the connection to be reset or closed at the end of the lease, if the database is behind a connection to a
    /// server, so that no other boundary finds the state left on its session.
    pub(crate) fn taint(&mut self) {
        self.held().is_tainted = DB::FACTS.closes_tainted;
    }

    /// Cancels the abandoned statement, if the connection is busy with one, and reads the rest of its answer.
    pub(crate) async fn settle(&mut self) -> Result<(), sqlx::Error> {
        self.held().settle().await
    }

    /// Closes the connection. The server rolls back what is open on it.
    pub(crate) fn discard(mut self) {
        drop(self.held.take());
    }

    /// Closes the connection for a reason that concerns further connections of the pool.
    pub(crate) fn discard_as(mut self, fate: Fate) {
        if let Some(held) = self.held.take() {
            held.connection.learned().learn(fate);
        }
    }

    /// Ends the lease. Returns the rollback that has to run before the connection can be lent again, if one is needed.
    pub(crate) fn end(mut self) -> Option<impl Future<Output = ()> + Send + 'static> {
        self.held.take().and_then(ActiveLease::end)
    }
}

impl<DB: Backend> Drop for Lease<DB> {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        // The caller may be outside any runtime. If the connection's runtime has shut down, the task is dropped at
        // once, which closes the connection.
        let runtime = held.connection.runtime().clone();
        if let Some(end) = held.end() {
            runtime.spawn(end);
        }
    }
}

impl<DB: Backend> ActiveLease<DB> {
    /// Returns the state of the connection between two statements.
    fn at_rest(&self) -> ConnectionState {
        match self.is_implicit {
            true => ConnectionState::Clean,
            false => ConnectionState::Open,
        }
    }

    async fn settle(&mut self) -> Result<(), sqlx::Error> {
        if self.state == ConnectionState::Lost || self.spent == Some(Fate::Lost) {
            return Err(sqlx::Error::Protocol("the connection is lost".to_owned()));
        }
        if self.state == ConnectionState::Streaming {
            // A few rows are read sooner than their statement is stopped, which costs MySQL the connection.
            self.state = ConnectionState::Busy;
            let rest = DB::drain(&mut self.connection);
            if let Ok(Ok(()) | Err(sqlx::Error::Database(_))) = timeout(DRAINING_TAKES, rest).await
            {
                self.state = self.at_rest();
            }
        }
        if self.state == ConnectionState::Busy {
            if !self.stop().await {
                // Closing the connection makes a pooler close its server connection too, which the server notices.
                return Err(sqlx::Error::Protocol(NOT_STOPPED.to_owned()));
            }
            let settled = DB::settle(&mut self.connection).await;
            DB::resume(self.connection.fitting());
            settled?;
            self.state = self.at_rest();
        }
        Ok(())
    }

    async fn settle_and_roll_back(&mut self) -> Result<(), sqlx::Error> {
        self.settle().await?;
        if self.state == ConnectionState::Clean {
            return Ok(());
        }
        let fitting = Arc::clone(self.connection.fitting());
        DB::roll_back(&mut self.connection, &self.options, &fitting).await
    }

    /// Cancels the statement that runs on the connection. Returns `false` if the order to cancel it may still arrive
    /// later.
    fn stop(&mut self) -> impl Future<Output = bool> + Send + use<DB> {
        let order = DB::stop(self.connection.fitting(), &self.begun);
        let control = Arc::clone(self.connection.control());
        async move {
            match order {
                Some(order) => control.stop(order).await,
                None => true,
            }
        }
    }

    /// Returns a clean connection to the pool, and closes one that is not to be used again. Returns the rollback if one is
    /// needed.
    fn end(mut self) -> Option<impl Future<Output = ()> + Send + 'static> {
        if let Some(fate) = self.spent {
            self.connection.learned().learn(fate);
        }
        if self.spent.is_some() && !DB::FACTS.closes_tainted {
            self.is_stale = true;
            self.spent = None;
        }
        match self.state {
            // Dropping the connection closes it, and the server rolls back an open transaction.
            ConnectionState::Clean | ConnectionState::Open if self.spent.is_some() => {}
            ConnectionState::Clean if self.is_tainted && !self.is_shared() => {
                return Some(Either::Left(self.reset_and_give_back()));
            }
            ConnectionState::Clean => {
                self.connection.set_stale(self.is_stale);
                self.connection.give_back();
            }
            // Its thread closes the connection when the lock is there or the wait over. Another one is opened meanwhile.
            ConnectionState::Busy if self.waits_for_lock() => drop(self.stop()),
            // The server may not know yet that the connection is lost, and may still run a statement on it.
            ConnectionState::Open
            | ConnectionState::Busy
            | ConnectionState::Streaming
            | ConnectionState::Lost => {
                return Some(Either::Right(self.roll_back()));
            }
        }
        None
    }

    /// Whether the connection may wait for a lock to begin with, and can be replaced: a database in memory cannot.
    fn waits_for_lock(&self) -> bool {
        let control = self.connection.control();
        DB::FACTS.waits_in_begin
            && !self.has_begun
            && !DB::is_lost_with_its_connection(control.options())
    }

    /// Whether a pooler gives the server's session to other clients. What was left on it is then removed before the commit.
    fn is_shared(&self) -> bool {
        self.connection.learned().pooler().shares_sessions()
    }

    /// Returns the SQL that resets the session. `None` if the connection is closed instead: the database has no such SQL,
    /// or somebody else has prepared the connection, as `after_connect` of the user's pool does, which a reset would undo.
    fn reset(&self) -> Option<&'static str> {
        DB::RESET.filter(|_| self.connection.is_own() && !self.is_shared())
    }

    /// Resets the session, and returns the connection to the pool. Closes the connection if that is not possible.
    async fn reset_and_give_back(mut self) {
        let Some(reset) = self.reset() else {
            return;
        };
        let done = async {
            DB::forget_statements(&mut self.connection).await?;
            DB::run(&mut self.connection, reset.into_sql_str()).await?;
            self.connection.set_access_mode(AccessMode::Configured);
            if let Some(ask) = DB::ASK_PROCESS {
                let row = DB::run_for_row(&mut self.connection, ask.into_sql_str()).await?;
                prove_in_step::<DB>(row, self.begun.process)?;
            }
            self.connection.prepare_again().await
        };
        match timeout(RESETTING_TAKES, done).await {
            Ok(Ok(())) => {
                self.connection.set_stale(false);
                self.connection.give_back();
            }
            Ok(Err(error)) => {
                tracing::debug!(target: targets::LEASE, error = %Redacted(&error), "connection closed: its session could not be reset");
            }
            Err(_) => {
                tracing::debug!(target: targets::LEASE, "connection closed: its session was not reset within {RESETTING_TAKES:?}");
                // Code that had the raw connection has left a statement that runs.
                self.stop().await;
            }
        }
    }

    /// Rolls back and returns the connection to the pool. Closes the connection if the rollback fails or this future is
    /// dropped.
    async fn roll_back(mut self) {
        if self.spent.is_some() || (self.is_tainted && self.reset().is_none()) {
            self.stop().await;
            return;
        }
        let mut rolled_back = timeout(DB::FACTS.rollback_limit, self.settle_and_roll_back()).await;
        if rolled_back.is_err() && self.state == ConnectionState::Open {
            // Code that had the raw connection has left a statement that runs: it is stopped, and then rolled back.
            self.state = ConnectionState::Busy;
            rolled_back = timeout(DB::FACTS.rollback_limit, self.settle_and_roll_back()).await;
        }
        match rolled_back {
            Ok(Ok(())) if self.is_tainted => self.reset_and_give_back().await,
            Ok(Ok(())) => {
                let is_stale = self.is_stale || self.changed_schema;
                self.connection.set_stale(is_stale);
                self.connection.give_back();
            }
            Ok(Err(error)) => {
                tracing::debug!(target: targets::LEASE, error = %Redacted(&error), "connection closed: it could not be rolled back");
                if self.state == ConnectionState::Open {
                    // The server may not have noticed the lost connection yet, and may still run a statement.
                    self.stop().await;
                }
            }
            Err(_) => tracing::warn!(
                target: targets::LEASE,
                limit = ?DB::FACTS.rollback_limit,
                "connection closed: a statement still ran when its boundary had ended",
            ),
        }
    }
}

/// How long the rest of a row stream is read before its statement is stopped.
const DRAINING_TAKES: Duration = Duration::from_millis(100);

/// How long resetting a session may take.
const RESETTING_TAKES: Duration = Duration::from_secs(5);

const NOT_STOPPED: &str =
    "an order to stop a statement of this connection had no answer, and may reach the next";

/// Proves that the answers on a connection are those to what is sent on it: `row` has to be the answer to
/// [`ASK_PROCESS`](crate::backend::Transact::ASK_PROCESS). Code that had the raw connection may have left an answer of sqlx's
/// unread.
pub(crate) fn prove_in_step<DB: Backend>(
    row: Option<DB::Row>,
    process: Option<u64>,
) -> Result<(), sqlx::Error> {
    if DB::begun(row)?.process == process {
        Ok(())
    } else {
        let message = "an answer on this connection is not the one to the last question";
        Err(sqlx::Error::Protocol(message.to_owned()))
    }
}

const HELD: &str = "a lease holds its connection until it ends";
