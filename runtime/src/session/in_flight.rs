//! Tracks a statement from sending it until its answer is complete.

use std::time::Duration;

use crate::backend::Backend;
use crate::error::Error;
use crate::observe::statement_observer::StatementObserver;
use crate::observe::stats::RunOutcome;
use crate::pool::lease::ConnectionState;
use crate::scope::activity::Activity;
use crate::session::failure::Failure;
use crate::session::fitness::Fitness;

/// A statement that may now be sent: the connection to send it on, and its in-flight state.
pub(crate) struct Dispatched<'a, DB: Backend> {
    pub(crate) connection: &'a mut DB::Connection,
    pub(crate) in_flight: InFlight<'a>,
}

/// The state of a statement in flight. The connection stays busy unless the answer is read to its end, by
/// [`complete`](Self::complete) or [`fail`](Self::fail).
pub(crate) struct InFlight<'a> {
    pub(crate) state: &'a mut ConnectionState,
    pub(crate) fitness: &'a mut Fitness,
    /// Returns the failure that a database error causes in the session.
    pub(crate) judge: fn(&sqlx::Error) -> Option<Failure>,
    pub(crate) activity: &'a Activity,
    /// The statement timeout, if the server does not enforce it.
    pub(crate) limit: Option<Duration>,
    /// The observer of a statement of the body. The session's own statements have none.
    pub(crate) observer: Option<StatementObserver<'a>>,
    /// Set if this statement, or code run before it, may have committed unnoticed.
    pub(crate) unproven: Option<Unproven<'a>>,
}

/// How to report a statement that may have committed unnoticed.
pub(crate) struct Unproven<'a> {
    /// The outcome of the boundary.
    pub(crate) outcome: &'a mut RunOutcome,
    /// Whether an error means that the connection is lost, and with it the answer.
    pub(crate) is_lost: fn(&sqlx::Error) -> bool,
}

impl InFlight<'_> {
    /// Records that the answer was read to its end. `rows` are added to the rows counted so far.
    pub(crate) fn complete(&mut self, rows: u64) {
        *self.state = ConnectionState::Open;
        if let Some(mut observer) = self.observer.take() {
            observer.returned += rows;
            observer.answered(self.activity);
        }
    }

    /// Records that the answer ended with an error. Returns the error for the body.
    pub(crate) fn fail(&mut self, error: sqlx::Error) -> sqlx::Error {
        *self.state = ConnectionState::Open;
        let error = self.mark_unknown(error);
        self.activity.failed(&error);
        if let Some(observer) = self.observer.take() {
            observer.failed(self.activity, &error);
        }
        if self.fitness.failure().is_none()
            && let Some(failure) = (self.judge)(&error)
        {
            self.fitness.fail(failure, || self.activity.place());
        }
        error
    }

    /// Converts the loss of the connection to [`Error::CommitUnknown`] if unproven code was running: it may have
    /// committed, so a retry could apply it twice.
    fn mark_unknown(&mut self, error: sqlx::Error) -> sqlx::Error {
        match &mut self.unproven {
            Some(unproven) if (unproven.is_lost)(&error) => {
                *unproven.outcome = RunOutcome::Unknown;
                let place = self.activity.place();
                Error::CommitUnknown {
                    place,
                    source: error,
                }
                .into()
            }
            _ => error,
        }
    }

    /// Records that the statement timeout has passed. The connection stays busy, since the answer is outstanding.
    pub(crate) fn time_out(&mut self, after: Duration) -> sqlx::Error {
        let place = self.activity.place();
        self.fitness.fail(Failure::Slow(after), || place.clone());
        let error = Error::StatementTimeout { place, after }.into();
        if let Some(observer) = self.observer.take() {
            observer.failed(self.activity, &error);
        }
        error
    }

    /// Awaits an answer without rows.
    pub(crate) async fn watch<T>(
        self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        self.watch_rows(answer, |_| 0).await
    }

    /// Awaits an answer that is not a stream; `rows` counts the rows in it.
    pub(crate) async fn watch_rows<T>(
        mut self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
        rows: fn(&T) -> u64,
    ) -> Result<T, sqlx::Error> {
        let answer = match self.limit {
            None => answer.await,
            Some(limit) => match tokio::time::timeout(limit, answer).await {
                Ok(answer) => answer,
                Err(_) => return Err(self.time_out(limit)),
            },
        };
        match answer {
            Ok(answer) => {
                self.complete(rows(&answer));
                Ok(answer)
            }
            Err(error) => Err(self.fail(error)),
        }
    }
}
