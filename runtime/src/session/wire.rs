//! Sends statements in a transaction that has begun, and proves that the transaction is still open.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::backend::Backend;
use crate::error::Error;
use crate::observe::spans;
use crate::observe::statement_log::LoggedStatement;
use crate::observe::statement_observer::StatementObserver;
use crate::pool::lease::ConnectionState;
use crate::session::failure::Failure;
use crate::session::in_flight::{Dispatched, InFlight, Unproven};
use crate::session::transaction::{BEGUN, Core};

/// The savepoint that is set before code runs that the guard cannot read. If it still exists afterwards, so does the
/// transaction.
const WITNESS: &str = "demarcate_witness";

impl<DB: Backend> Core<DB> {
    /// Marks the connection busy for a statement that is about to be sent. Statements of the body are observed; the
    /// session's own, for which `statement` is `None`, are not.
    pub(crate) fn dispatch(&mut self, statement: Option<&SqlStr>) -> Dispatched<'_, DB> {
        self.recorder.totals.round_trips += 1;
        let limit = self.options.statement_timeout;
        let (engine, activity) = (&self.engine, &*self.activity);
        let unproven = self.fitness.is_unproven();
        let recorder = &mut self.recorder;
        let observer = statement.map(|sql| StatementObserver {
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
        let (connection, state) = on.lease.parts();
        *state = ConnectionState::Busy;
        Dispatched {
            connection,
            in_flight: InFlight {
                state,
                fitness: &mut self.fitness,
                judge: Failure::caused_by::<DB>,
                activity,
                limit: limit.filter(|_| !DB::FACTS.enforces_statement_timeout),
                observer,
                unproven: unproven.then_some(Unproven {
                    outcome: &mut recorder.outcome,
                    is_lost: DB::is_connection_lost,
                }),
            },
        }
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
        let released = self.send(format!("RELEASE SAVEPOINT {WITNESS}")).await;
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
