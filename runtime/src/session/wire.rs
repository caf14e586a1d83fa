//! Sends messages inside a transaction that has begun.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use crate::backend::Backend;
use crate::error::Error;
use crate::observe::spans;
use crate::observe::statement_log::Echo;
use crate::observe::statement_observer::Watched;
use crate::pool::lease::State;
use crate::session::failure::Failure;
use crate::session::in_flight::{Flight, Running, Unproven};
use crate::session::transaction::{BEGUN, Core};

/// The savepoint that is set before code runs unseen. While it exists, so does the transaction.
const WITNESS: &str = "demarcate_witness";

impl<DB: Backend> Core<DB> {
    /// Marks the connection busy for a message that is about to be sent. A statement of the body is observed;
    /// one of the session's own is not.
    pub(crate) fn take_off(&mut self, statement: Option<&SqlStr>) -> Running<'_, DB> {
        self.recorder.sent.round_trips += 1;
        let limit = self.options.statement_timeout;
        let (engine, trail) = (&self.engine, &*self.trail);
        let unproven = self.fitness.is_unproven();
        let recorder = &mut self.recorder;
        let watched = statement.map(|sql| Watched {
            span: spans::statement(&trail.sends(sql), sql.as_str(), DB::DIALECT),
            sent_at: std::time::Instant::now(),
            echo: engine
                .watch()
                .sql_echo
                .then(|| Echo::new(sql.as_str(), DB::DIALECT, trail)),
            sent: &mut recorder.sent,
            times: engine.statement_histogram(),
            affected: 0,
            returned: 0,
            is_over: false,
        });
        let on = self.connection.as_mut().expect(BEGUN);
        let (connection, state) = on.lease.parts();
        *state = State::Busy;
        Running {
            connection,
            flight: Flight {
                state,
                fitness: &mut self.fitness,
                judge: Failure::of::<DB>,
                trail,
                limit: limit.filter(|_| !DB::FACTS.enforces_statement_timeout),
                watched,
                unproven: unproven.then_some(Unproven {
                    outcome: &mut recorder.outcome,
                    is_lost: DB::is_connection_lost,
                }),
            },
        }
    }

    /// Sends a statement of the session's own.
    pub(crate) async fn send(&mut self, sql: String) -> Result<(), Error> {
        let Running { connection, flight } = self.take_off(None);
        let sent = DB::run(connection, AssertSqlSafe(sql).into_sql_str());
        let sent = flight.watch(sent).await;
        sent.map_err(|error| Error::from(error).at(|| self.trail.place_of_run()))
    }

    /// Sets a savepoint before code runs unseen. [`prove_open`](Self::prove_open) releases it afterwards.
    pub(crate) async fn set_witness(&mut self) -> Result<(), Error> {
        self.send(format!("SAVEPOINT {WITNESS}")).await?;
        self.fitness.set_unproven(true);
        Ok(())
    }

    /// Proves that the transaction is still open after code ran unseen, which may have ended it: the
    /// statements that follow would then be committed one by one.
    ///
    /// # Errors
    ///
    /// The savepoint that was set before is gone, and the transaction with it; or the connection was lost.
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
                .fail_with(Failure::gone(&error), self.trail.place())),
            Ok(()) => Ok(()),
        }
    }
}
