//! A statement while its answer is awaited.

use crate::backend::Backend;
use crate::failure::Failure;
use crate::lease::State;

/// The session while a statement runs: the connection, and what else changes meanwhile.
pub(crate) struct Running<'a, DB: Backend> {
    pub(crate) connection: &'a mut DB::Connection,
    pub(crate) flight: Flight<'a>,
}

/// A statement on its way. Unless it [lands](Self::land), its connection stays busy.
pub(crate) struct Flight<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) failure: &'a mut Option<Failure>,
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
