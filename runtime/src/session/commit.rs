//! Commits a transaction, and finds out its outcome if the answer is lost.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::backend::forward::last_row;
use crate::backend::{Backend, CommitFailure};
use crate::classify::{Redacted, classify};
use crate::engine::Engine;
use crate::error::Error;
use crate::observe::stats::RunOutcome;
use crate::pool::lease::{ConnectionState, LeasedParts};
use crate::session::transaction::{Core, OnConnection};
use crate::targets;
use crate::util::backoff::doubling;
use crate::util::timed_out::timed_out;

/// The minimum time to wait for the answer to a commit, even after the deadline. A late commit is better than one
/// whose outcome is unknown.
const GRACE: Duration = Duration::from_secs(1);

/// A commit that did not succeed.
pub(crate) struct NotCommitted {
    pub(crate) error: Error,
    /// Whether nothing was committed and another run may succeed.
    pub(crate) may_succeed_again: bool,
}

impl<DB: Backend> Core<DB> {
    /// Commits the transaction after proving that it is still open.
    ///
    /// # Errors
    ///
    /// The errors of [`check_commit`](Self::check_commit), and [`Error::Timeout`] if the deadline has passed, both
    /// without a round trip. [`Error::Database`] if the database refuses the commit, and [`Error::CommitUnknown`] if
    /// the answer was lost.
    pub(crate) async fn commit(
        &mut self,
        limit: Duration,
        deadline: Instant,
    ) -> Result<(), NotCommitted> {
        if let Err(error) = self.make_ready(limit, deadline).await {
            return Err(NotCommitted {
                error,
                may_succeed_again: self.fitness.may_run_again(),
            });
        }
        // Where the server ends each transaction itself, there is nothing to commit.
        let on = self.connection.as_mut();
        if let Some(OnConnection { lease, .. }) = on.filter(|on| !on.lease.is_implicit()) {
            self.recorder.totals.round_trips += 1;
            // Until the answer arrives. It stays unknown if the runtime shuts down before that.
            self.recorder.outcome = RunOutcome::Unknown;
            if !self.options.is_read_only() {
                // Before the commit is sent: a caller that is cancelled meanwhile must not read an older state from a replica.
                self.engine.replicas().writes(self.task);
            }
            let commit = DB::commit(&self.options, lease.fitting());
            let LeasedParts {
                connection, state, ..
            } = lease.parts();
            *state = ConnectionState::Busy;
            let last = deadline.max(Instant::now() + GRACE);
            let began = Instant::now();
            let answer = timeout_at(last, last_row::<DB>(connection, commit)).await;
            self.recorder.totals.committing = began.elapsed();
            match answer.unwrap_or_else(|_| Err(no_answer())) {
                Ok(_) => {
                    *state = ConnectionState::Clean;
                    if self.recorder.totals.affected > 0 {
                        self.engine.pool_of(self.replica).learned().writes();
                    }
                }
                Err(source) => self.commit_failed(source, deadline).await?,
            }
        }
        if self.has_committed() && self.recorder.totals.affected > 0 {
            self.pool().learned().writes();
        }
        self.count_prepared();
        self.connection = None;
        self.recorder.committed();
        Ok(())
    }

    /// Checks that the session may commit, and proves that the transaction is still open.
    async fn make_ready(&mut self, limit: Duration, deadline: Instant) -> Result<(), Error> {
        self.check_commit()
            .map_err(|error| self.or_unknown(error))?;
        if self.has_committed() {
            return Ok(());
        }
        if self.connection.is_some() && Instant::now() >= deadline {
            let error = self.timed_out(limit, deadline);
            return Err(self.cut_short(error));
        }
        // A statement left on the raw connection may still run, and would block the proof.
        let stop = self.engine.pool().stop_token().clone();
        let proof = async {
            self.catch_up().await;
            self.check()?;
            self.has_run_guarded();
            self.prove_open().await?;
            self.leave_no_traces().await
        };
        let proven = timeout_at(deadline, stop.run(proof)).await;
        match proven {
            Ok(Some(proven)) => proven,
            Ok(None) => Err(self.cut_short(Error::Closed {
                place: self.activity.place_of_run(),
            })),
            Err(_) => Err(self.cut_short(self.timed_out(limit, deadline))),
        }
    }

    /// Handles an error of COMMIT. Returns `Ok` if the transaction proves to be committed in spite of it.
    async fn commit_failed(
        &mut self,
        source: sqlx::Error,
        deadline: Instant,
    ) -> Result<(), NotCommitted> {
        let place = self.activity.place_of_run();
        let failure = DB::commit_failure(&source);
        if failure != CommitFailure::Unknown {
            self.recorder.outcome = RunOutcome::RolledBack;
            if let Some(on) = &mut self.connection {
                *on.lease.parts().state = match failure {
                    CommitFailure::RolledBack => ConnectionState::Clean,
                    _ => ConnectionState::Open,
                };
                on.lease.restores_schema();
            }
            let may_succeed_again = classify(&source).retryable;
            let error = match failure {
                CommitFailure::NotOpen => Error::Aborted { place, source },
                _ => Error::Database { place, source },
            };
            return Err(NotCommitted {
                error,
                may_succeed_again,
            });
        }
        let Some(OnConnection { lease, .. }) = self.connection.take() else {
            return Ok(());
        };
        let transaction = lease.transaction().map(str::to_owned);
        lease.discard();
        let committed = match transaction {
            Some(transaction) => confirm(&self.engine, &transaction, deadline).await,
            None => None,
        };
        match committed {
            Some(true) => {
                tracing::info!(target: targets::COMMIT, boundary = %self.site(), "the answer to the commit was lost; the database confirms that it was committed");
                Ok(())
            }
            Some(false) => {
                self.recorder.outcome = RunOutcome::RolledBack;
                Err(NotCommitted {
                    error: Error::Database { place, source },
                    may_succeed_again: true,
                })
            }
            None => Err(NotCommitted {
                error: Error::CommitUnknown { place, source },
                may_succeed_again: false,
            }),
        }
    }
}

impl<DB: Backend> Core<DB> {
    /// Returns the error of a boundary that ends early for the reason `why`. A statement that the server commits by itself
    /// may have been committed all the same.
    pub(crate) fn cut_short(&self, why: Error) -> Error {
        let reason = match self.recorder.outcome {
            RunOutcome::RolledBack => return why,
            RunOutcome::Committed => {
                "its only statement was committed, and what came after it was cut short"
            }
            RunOutcome::Unknown => "it was cut short before its only statement was answered",
        };
        Error::CommitUnknown {
            place: self.activity.place_of_run(),
            source: sqlx::Error::Io(timed_out(reason)),
        }
    }

    /// Returns the error of a boundary that does not commit, which may not say that it was rolled back if the answer of its
    /// only statement was never read.
    pub(crate) fn or_unknown(&self, error: Error) -> Error {
        match self.recorder.outcome {
            RunOutcome::Unknown if !matches!(error, Error::CommitUnknown { .. }) => {
                self.cut_short(error)
            }
            _ => error,
        }
    }

    /// Reads the rest of the answer to a statement that the server commits by itself, whose outcome stands at its end.
    pub(crate) async fn learn_outcome(&mut self, deadline: Instant) {
        if self.recorder.outcome == RunOutcome::Unknown {
            // The outcome stays unknown if the rest is not read in time.
            timeout_at(deadline, self.catch_up()).await.ok();
        }
    }

    /// Removes session state that [`unguarded`](crate::Session::unguarded) or a lifted rule of the guard may have left
    /// behind, if a pooler gives the server's session to other clients. Without such a pooler the connection is closed
    /// instead, which discards the state.
    async fn leave_no_traces(&mut self) -> Result<(), Error> {
        let shares = self.pool().pooler().shares_sessions();
        let is_tainted = self
            .connection
            .as_ref()
            .is_some_and(|on| on.lease.is_tainted());
        if shares && is_tainted {
            self.send(DB::SWEEP.to_owned()).await?;
        }
        Ok(())
    }
}

/// Asks the database whether the transaction was committed, until there is an answer or the time is over. Returns
/// `None` if the outcome stays unknown.
async fn confirm<DB: Backend>(
    engine: &Engine<DB>,
    transaction: &str,
    deadline: Instant,
) -> Option<bool> {
    let ask = DB::ask_outcome(transaction)?;
    let known = async {
        let mut delays = doubling(Duration::from_millis(5), Duration::from_millis(500));
        loop {
            let answer = engine.pool().control().ask(ask.clone()).await;
            match answer.and_then(DB::outcome) {
                Ok(Some(committed)) => return committed,
                Ok(None) => {}
                Err(error) => {
                    tracing::debug!(target: targets::COMMIT, error = %Redacted(&error), "asking for the outcome of a commit failed; trying again")
                }
            }
            sleep(delays.next().unwrap_or(GRACE)).await;
        }
    };
    timeout_at(deadline.max(Instant::now() + GRACE), known)
        .await
        .ok()
}

/// The error of a commit that was not answered in time.
fn no_answer() -> sqlx::Error {
    sqlx::Error::Io(timed_out(
        "no answer to the commit within the boundary's timeout",
    ))
}
