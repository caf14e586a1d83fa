//! A statement while its answer is awaited.

use std::time::Duration;

use crate::backend::Backend;
use crate::error::Error;
use crate::observe::statement_observer::Watched;
use crate::observe::stats::Outcome;
use crate::pool::lease::State;
use crate::scope::activity::Trail;
use crate::session::failure::Failure;
use crate::session::fitness::Fitness;

/// The session while a statement runs: the connection, and what else changes meanwhile.
pub(crate) struct Running<'a, DB: Backend> {
    pub(crate) connection: &'a mut DB::Connection,
    pub(crate) flight: Flight<'a>,
}

/// A statement on its way. Unless it [lands](Self::land), its connection stays busy.
pub(crate) struct Flight<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) fitness: &'a mut Fitness,
    /// What an error of the database's is to the session.
    pub(crate) judge: fn(&sqlx::Error) -> Option<Failure>,
    pub(crate) trail: &'a Trail,
    /// How long it may take, where it is not the server that sees to it.
    pub(crate) limit: Option<Duration>,
    /// Who watches it, if it is one of the body's.
    pub(crate) watched: Option<Watched<'a>>,
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

impl Flight<'_> {
    /// The answer was read to its end, which was so many rows more than were counted.
    pub(crate) fn land(&mut self, rows: u64) {
        *self.state = State::Open;
        if let Some(mut watched) = self.watched.take() {
            watched.returned += rows;
            watched.answered(self.trail);
        }
    }

    /// The answer was, or ended in, an error. What is returned is what the body gets.
    pub(crate) fn fail(&mut self, error: sqlx::Error) -> sqlx::Error {
        *self.state = State::Open;
        let error = self.lose(error);
        self.trail.failed(&error);
        if let Some(watched) = self.watched.take() {
            watched.failed(self.trail, &error);
        }
        if self.fitness.failure().is_none()
            && let Some(failure) = (self.judge)(&error)
        {
            self.fitness.fail(failure, || self.trail.place());
        }
        error
    }

    /// Whoever did it again might do it twice.
    fn lose(&mut self, error: sqlx::Error) -> sqlx::Error {
        match &mut self.unproven {
            Some(unproven) if (unproven.is_lost)(&error) => {
                *unproven.outcome = Outcome::Unknown;
                let place = self.trail.place();
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
        let place = self.trail.place();
        self.fitness.fail(Failure::Slow(after), || place.clone());
        let error = Error::StatementTimeout { place, after }.into();
        if let Some(watched) = self.watched.take() {
            watched.failed(self.trail, &error);
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
                self.land(rows(&answer));
                Ok(answer)
            }
            Err(error) => Err(self.fail(error)),
        }
    }
}
