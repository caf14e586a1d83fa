//! Sends statements in a transaction that has begun, and proves that the transaction is still open.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::backend::Backend;
use crate::backend::forward::last_row;
use crate::error::Error;
use crate::observe::spans;
use crate::observe::statement_log::LoggedStatement;
use crate::observe::statement_observer::StatementObserver;
use crate::observe::stats::RunOutcome;
use crate::pool::lease::{ConnectionState, LeasedParts, prove_in_step};
use crate::session::failure::Failure;
use crate::session::in_flight::{Dispatched, InFlight, Unproven};
use crate::session::transaction::{BEGUN, Core};

/// The savepoint that is set before code runs that the guard cannot read. If it still exists afterwards, so does the
/// transaction.
const WITNESS: &str = "demarcate_witness";

/// A statement of the body.
#[derive(Clone, Copy)]
pub(crate) struct BodyStatement<'a> {
    pub(crate) text: &'a SqlStr,
    /// Whether the text is one statement alone.
    pub(crate) is_single: bool,
    /// Whether it is run, and not only prepared.
    pub(crate) is_run: bool,
}

impl<DB: Backend> Core<DB> {
    /// Marks the connection busy for a statement that is about to be sent. Statements of the body are observed; the
    /// session's own, for which `statement` is `None`, are not.
    pub(crate) fn dispatch(&mut self, statement: Option<BodyStatement<'_>>) -> Dispatched<'_, DB> {
        self.recorder.totals.round_trips += 1;
        let limit = self.options.statement_timeout;
        let (engine, activity) = (&self.engine, &*self.activity);
        // The session's own messages commit nothing, but for the one that reads the rest of the answer.
        let on = self.connection.as_ref();
        let is_run = match statement {
            Some(statement) => statement.is_run,
            None => on.is_some_and(|on| on.lease.state() == ConnectionState::Streaming),
        };
        let is_implicit = on.is_some_and(|on| on.lease.is_implicit());
        let commits = is_run && is_implicit && !self.options.is_read_only();
        let unproven = commits || self.fitness.is_unproven();
        let recorder = &mut self.recorder;
        if commits {
            // Until the answer arrives.
            recorder.outcome = RunOutcome::Unknown;
            // Before it is sent, as before a commit.
            engine.replicas().writes(self.task);
        }
        let observer = statement.map(|BodyStatement { text: sql, .. }| StatementObserver {
            span: spans::statement(&activity.sends(sql), sql.as_str(), DB::DIALECT),
            sent_at: std::time::Instant::now(),
            echo: engine
                .watch()
                .sql_echo
                .then(|| LoggedStatement::new(sql.as_str(), DB::DIALECT, activity)),
            sent: &mut recorder.totals,
            times: engine.statement_histogram(),
            affected: 0,
            returned: 0,
            is_over: false,
        });
        let on = self.connection.as_mut().expect(BEGUN);
        let is_first = !std::mem::replace(&mut on.is_used, true);
        let is_reused = on.is_reused;
        let LeasedParts {
            connection,
            state,
            spent,
            at_rest,
        } = on.lease.parts();
        *state = ConnectionState::Busy;
        Dispatched {
            connection,
            in_flight: InFlight {
                state,
                spent,
                at_rest,
                // A text of several statements may have more to run, if nobody reads on.
                while_streaming: match DB::FACTS.finishes_unread
                    || statement.is_none_or(|sent| sent.is_single)
                {
                    true => ConnectionState::Streaming,
                    false => ConnectionState::Busy,
                },
                is_remote: DB::FACTS.closes_tainted,
                has_effect: false,
                is_first,
                is_reused,
                guards_types: self.guards_types.is_some(),
                fitness: &mut self.fitness,
                options: &self.options,
                activity,
                limit: limit.filter(|_| !DB::FACTS.enforces_statement_timeout),
                observer,
                unproven: unproven.then_some(Unproven {
                    outcome: &mut recorder.outcome,
                    commits,
                }),
            },
        }
    }

    /// Reads the rest of a row stream that was dropped before its end. An error in it is the failure of its statement.
    pub(crate) async fn catch_up(&mut self) {
        let on = self.connection.as_ref();
        if on.is_some_and(|on| on.lease.state() == ConnectionState::Streaming) {
            let Dispatched {
                connection,
                in_flight,
            } = self.dispatch(None);
            // An error marks the session.
            in_flight.watch(DB::drain(connection)).await.ok();
        }
    }

    /// Forgets the statements that are prepared on the connection, if the schema has changed since.
    pub(crate) async fn forget_stale_statements(&mut self) -> Result<(), Error> {
        if !self.begun().is_stale() {
            return Ok(());
        }
        self.count_prepared();
        let was_used = self.connection.as_ref().is_some_and(|on| on.is_used);
        let Dispatched {
            connection,
            in_flight,
        } = self.dispatch(None);
        let forgotten = in_flight.watch(DB::forget_statements(connection)).await;
        forgotten.map_err(|error| Error::from(error).at(|| self.activity.place_of_run()))?;
        if !DB::PREPARES {
            // It is told to a thread of this process.
            self.recorder.totals.round_trips -= 1;
        }
        if let Some(on) = &mut self.connection {
            on.lease.has_forgotten();
            // Nothing of the body's was sent.
            (on.prepared, on.is_used) = (0, was_used);
        }
        Ok(())
    }

    /// Sends one of the session's own statements, such as `SAVEPOINT`.
    pub(crate) async fn send(&mut self, sql: String) -> Result<(), Error> {
        let Dispatched {
            connection,
            in_flight,
        } = self.dispatch(None);
        let sent = DB::run(connection, AssertSqlSafe(sql).into_sql_str());
        let sent = in_flight.watch(sent).await;
        sent.map_err(|error| Error::from(error).at(|| self.activity.place_of_run()))
    }

    /// Sets the savepoint that must exist after unreadable code has run. [`prove_open`](Self::prove_open) releases it.
    pub(crate) async fn set_witness(&mut self) -> Result<(), Error> {
        self.send(format!("SAVEPOINT {WITNESS}")).await?;
        self.fitness.set_unproven(true);
        Ok(())
    }

    /// Releases the savepoint, and proves that the answer is the one to this statement: by the server's number of the
    /// connection, where it has one.
    async fn release_witness(&mut self) -> Result<(), Error> {
        let release = format!("RELEASE SAVEPOINT {WITNESS}");
        let Some(ask) = DB::ASK_PROCESS else {
            return self.send(release).await;
        };
        let process = self.begun().process();
        let sql = AssertSqlSafe(format!("{release}; {ask}")).into_sql_str();
        let Dispatched {
            connection,
            in_flight,
        } = self.dispatch(None);
        let answer = async {
            let row = last_row::<DB>(connection, sql).await?;
            prove_in_step::<DB>(row, process)
        };
        let answer = in_flight.watch(answer).await;
        answer.map_err(|error| Error::from(error).at(|| self.activity.place_of_run()))
    }

    /// Proves that the transaction is still open after unreadable code has run. If that code had ended the transaction,
    /// every later statement would be committed by itself.
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] if the savepoint does not exist any more, and so neither does the transaction;
    /// [`Error::CommitUnknown`] if the connection was lost.
    pub(crate) async fn prove_open(&mut self) -> Result<(), Error> {
        if !self.fitness.is_unproven() {
            return Ok(());
        }
        let released = self.release_witness().await;
        self.fitness.set_unproven(false);
        match released {
            Err(unknown @ Error::CommitUnknown { .. }) => Err(unknown),
            Err(error) => Err(self
                .fitness
                .fail_with(Failure::gone(&error), self.activity.place())),
            Ok(()) => Ok(()),
        }
    }
}
