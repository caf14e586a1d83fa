//! A statement while its answer is awaited.

use std::time::Duration;

use crate::backend::Backend;
use crate::error::Error;
use crate::observe::statement_observer::StatementObserver;
use crate::observe::stats::Outcome;
use crate::pool::lease::ConnectionState;
use crate::scope::activity::Activity;
use crate::session::failure::Failure;
use crate::session::fitness::Fitness;

/// The session while a statement runs: the connection, and what else changes meanwhile.
pub(crate) struct Dispatched<'a, DB: Backend> {
    pub(crate) connection: &'a mut DB::Connection,
    pub(crate) in_flight: InFlight<'a>,
}

/// A statement on its way. Unless it [completes](Self::complete), its connection stays busy.
pub(crate) struct InFlight<'a> {
    pub(crate) state: &'a mut ConnectionState,
    pub(crate) fitness: &'a mut Fitness,
    /// What an error of the database's is to the session.
    pub(crate) judge: fn(&sqlx::Error) -> Option<Failure>,
    pub(crate) activity: &'a Activity,
    /// How long it may take, where it is not the server that sees to it.
    pub(crate) limit: Option<Duration>,
    /// Who watches it, if it is one of the body's.
    pub(crate) observer: Option<StatementObserver<'a>>,
    /// Where it, or what was run before it, may have committed unseen.
    pub(crate) unproven: Option<Unproven<'a>>,
}

/// What may have committed unseen.
pub(crate) struct Unproven<'a> {
    /// How the boundary ends.
    pub(crate) outcome: &'a mut Outcome,
    /// Whether an error says that nobody will learn of it any more.
    pub(crate) is_lost: fn(&sqlx::Error) -> bool,
}

impl InFlight<'_> {
    /// The answer was read to its end, which was so many rows more than were counted.
    pub(crate) fn complete(&mut self, rows: u64) {
        *self.state = ConnectionState::Open;
        if let Some(mut observer) = self.observer.take() {
            observer.returned += rows;
            observer.answered(self.activity);
        }
    }

    /// The answer was, or ended in, an error. What is returned is what the body gets.
    pub(crate) fn fail(&mut self, error: sqlx::Error) -> sqlx::Error {
        *self.state = ConnectionState::Open;
        let error = self.lose(error);
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

    /// Whoever did it again might do it twice.
    fn lose(&mut self, error: sqlx::Error) -> sqlx::Error {
        match &mut self.unproven {
            Some(unproven) if (unproven.is_lost)(&error) => {
                *unproven.outcome = Outcome::Unknown;
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

    /// The time for the answer is over. It is still to come.
    pub(crate) fn time_out(&mut self, after: Duration) -> sqlx::Error {
        let place = self.activity.place();
        self.fitness.fail(Failure::Slow(after), || place.clone());
        let error = Error::StatementTimeout { place, after }.into();
        if let Some(observer) = self.observer.take() {
            observer.failed(self.activity, &error);
        }
        error
    }

    /// Awaits an answer that comes in one piece and is no row.
    pub(crate) async fn watch<T>(
        self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        self.watch_rows(answer, |_| 0).await
    }

    /// Awaits an answer that comes in one piece.
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
