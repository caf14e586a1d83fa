//! A statement while its answer is awaited.

use std::time::Duration;

use crate::backend::Backend;
use crate::echo::Echo;
use crate::error::Error;
use crate::failure::Failure;
use crate::lease::State;
use crate::site::Site;

/// The session while a statement runs: the connection, and what else changes meanwhile.
pub(crate) struct Running<'a, DB: Backend> {
    pub(crate) connection: &'a mut DB::Connection,
    pub(crate) flight: Flight<'a>,
}

/// A statement on its way. Unless it [lands](Self::land), its connection stays busy.
pub(crate) struct Flight<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) failure: &'a mut Option<Failure>,
    /// What an error of the database's is to the session.
    pub(crate) judge: fn(&sqlx::Error) -> Option<Failure>,
    pub(crate) site: Site,
    /// How long it may take, where it is not the server that sees to it.
    pub(crate) limit: Option<Duration>,
    /// Where statements are logged.
    pub(crate) echo: Option<Box<Echo>>,
}

impl Flight<'_> {
    /// The answer was read to its end, which was so many rows more than were counted.
    pub(crate) fn land(&mut self, rows: u64) {
        *self.state = State::Open;
        if let Some(mut echo) = self.echo.take() {
            echo.answered(rows);
        }
    }

    /// The answer was, or ended in, an error.
    pub(crate) fn fail(&mut self, error: &sqlx::Error) {
        *self.state = State::Open;
        if let Some(mut echo) = self.echo.take() {
            echo.failed(error);
        }
        if self.failure.is_none() {
            *self.failure = (self.judge)(error);
        }
    }

    /// The time for the answer is over. It is still to come.
    pub(crate) fn time_out(&mut self, after: Duration) -> sqlx::Error {
        self.failure.get_or_insert(Failure::Slow(after));
        let boundary = Some(self.site);
        let error = Error::StatementTimeout { boundary, after }.into();
        if let Some(mut echo) = self.echo.take() {
            echo.failed(&error);
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
        match &answer {
            Ok(answer) => self.land(rows(answer)),
            Err(error) => self.fail(error),
        }
        answer
    }
}
