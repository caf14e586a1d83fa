//! Stops boundaries from trying, one after the other, to reach a database that refuses every connection.

use std::time::{Duration, Instant};

use crate::classify::{Redacted, copy_of};
use crate::targets;

/// How many attempts in a row have to fail.
const REFUSALS: u32 = 3;

/// Counts attempts that failed, and opens when boundaries can expect nothing else.
///
/// While it is open, boundaries fail at once with the error of the last attempt. A task of the pool goes on to try; the
/// first success closes the breaker. Only connecting counts: what a database makes of a statement says nothing about whether
/// it can be reached.
#[derive(Default)]
pub(super) struct Breaker {
    /// How many attempts have failed since the last that succeeded.
    refusals: u32,
    open: Option<Open>,
}

/// A breaker while it is open.
pub(super) struct Open {
    since: Instant,
    /// The error of the last attempt.
    error: sqlx::Error,
    /// Whether a task goes on to try.
    is_tried: bool,
    /// How many boundaries were refused.
    refused: u64,
}

impl Open {
    /// Writes into the log that a breaker has opened. The caller does not hold the lock of the pool.
    pub(super) fn log(error: &sqlx::Error) {
        tracing::warn!(
            target: targets::POOL,
            refusals = REFUSALS,
            error = %Redacted(error),
            "the database cannot be reached: boundaries fail at once until a connection can be opened again",
        );
    }

    /// Writes into the log that a breaker has closed. The caller does not hold the lock of the pool.
    pub(super) fn log_end(&self) {
        tracing::info!(
            target: targets::POOL,
            after = ?self.since.elapsed(),
            refused = self.refused,
            "the database can be reached again",
        );
    }
}

impl Breaker {
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Returns how long the breaker has been open.
    pub(super) fn open_for(&self) -> Option<Duration> {
        Some(self.open.as_ref()?.since.elapsed())
    }

    /// Records that an attempt of a boundary failed. Opens the breaker if enough have in a row and no connection `is_there`
    /// that could be lent or come back. Returns whether it has just opened.
    pub(super) fn fail(&mut self, error: &sqlx::Error, is_there: bool) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        if let Some(open) = &mut self.open {
            open.error = copy_of(error);
            return false;
        }
        if self.refusals < REFUSALS || is_there {
            return false;
        }
        self.open = Some(Open {
            since: Instant::now(),
            error: copy_of(error),
            is_tried: false,
            refused: 0,
        });
        true
    }

    /// Records that the task that goes on to try has failed.
    pub(super) fn fail_again(&mut self, error: &sqlx::Error) {
        if let Some(open) = &mut self.open {
            open.error = copy_of(error);
        }
    }

    /// Records that a connection was opened, which closes the breaker. Returns what it was, if it was open.
    pub(super) fn succeed(&mut self) -> Option<Open> {
        self.refusals = 0;
        self.open.take()
    }

    /// Returns why a boundary fails, if the breaker is open.
    pub(super) fn refuse(&mut self) -> Option<sqlx::Error> {
        let open = self.open.as_mut()?;
        open.refused += 1;
        Some(copy_of(&open.error))
    }

    /// Whether a task has to be started that goes on to try. The caller starts it.
    pub(super) fn needs_trying(&mut self) -> bool {
        let open = self.open.as_mut();
        open.is_some_and(|open| !std::mem::replace(&mut open.is_tried, true))
    }

    /// Records that the task that goes on to try has ended.
    pub(super) fn is_given_up(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> sqlx::Error {
        sqlx::Error::Io(std::io::ErrorKind::ConnectionRefused.into())
    }

    #[test]
    fn three_in_a_row_open_it_and_one_success_closes_it() {
        let mut breaker = Breaker::default();
        breaker.fail(&refused(), false);
        breaker.fail(&refused(), false);
        breaker.succeed();
        breaker.fail(&refused(), false);
        breaker.fail(&refused(), false);
        assert!(breaker.refuse().is_none());
        assert!(!breaker.needs_trying());
        breaker.fail(&refused(), false);
        assert!(matches!(breaker.refuse(), Some(sqlx::Error::Io(_))));
        assert!(breaker.open_for().is_some());
        assert!(breaker.needs_trying());
        assert!(!breaker.needs_trying(), "one task tries");
        breaker.is_given_up();
        assert!(breaker.needs_trying());
        breaker.succeed();
        assert!(breaker.refuse().is_none());
        assert!(!breaker.needs_trying());
    }

    #[test]
    fn a_connection_that_may_come_back_keeps_it_closed() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            breaker.fail(&refused(), true);
        }
        assert!(!breaker.is_open());
        breaker.fail(&refused(), false);
        assert!(breaker.is_open());
    }

    #[test]
    fn the_last_error_is_the_one_that_is_told() {
        let mut breaker = Breaker::default();
        for _ in 0..REFUSALS {
            breaker.fail(&refused(), false);
        }
        breaker.fail_again(&sqlx::Error::Protocol("another".to_owned()));
        assert!(breaker.refuse().unwrap().to_string().contains("another"));
    }
}
