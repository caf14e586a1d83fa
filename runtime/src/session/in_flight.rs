//! Tracks a statement from sending it until its answer is complete.

use std::time::Duration;

use sqlx::Either;

use crate::backend::{Backend, Step};
use crate::classify::{Category, Fate, classify};
use crate::error::Error;
use crate::observe::statement_observer::StatementObserver;
use crate::observe::stats::RunOutcome;
use crate::options::effective::Effective;
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
    /// Why the connection cannot be used after the transaction, if it cannot.
    pub(crate) spent: &'a mut Option<Fate>,
    /// The state of the connection when the answer has been read to its end.
    pub(crate) at_rest: ConnectionState,
    /// The state of the connection while rows are returned.
    pub(crate) while_streaming: ConnectionState,
    /// Whether the database is behind a connection to a server.
    pub(crate) is_remote: bool,
    /// Whether one of several statements of the text has ended.
    pub(crate) has_effect: bool,
    /// Whether nothing was sent in the transaction before.
    pub(crate) is_first: bool,
    /// Whether the connection was opened before the transaction.
    pub(crate) is_reused: bool,
    /// Whether a savepoint allows the statement to fail because of a new type.
    pub(crate) guards_types: bool,
    pub(crate) fitness: &'a mut Fitness,
    pub(crate) options: &'a Effective,
    pub(crate) activity: &'a Activity,
    /// The statement timeout, if the server does not enforce it.
    pub(crate) limit: Option<Duration>,
    /// The observer of a statement of the body. The session's own statements have none.
    pub(crate) observer: Option<StatementObserver<'a>>,
    /// Set if this statement, or code run before it, may have committed without a commit of the session.
    pub(crate) unproven: Option<Unproven<'a>>,
}

/// How to report a statement that may have committed without a commit of the session.
pub(crate) struct Unproven<'a> {
    /// The outcome of the boundary.
    pub(crate) outcome: &'a mut RunOutcome,
    /// Whether the server commits the statement by itself.
    pub(crate) commits: bool,
}

impl InFlight<'_> {
    /// Records a step of the answer: a row, or the end of one of its statements.
    pub(crate) fn step<DB: Backend>(&mut self, step: &Step<DB>) {
        match step {
            Either::Left(result) => {
                self.has_effect = true;
                if let Some(observer) = &mut self.observer {
                    observer.count_affected(DB::affected(result));
                }
            }
            Either::Right(_) => {
                *self.state = self.while_streaming;
                if let Some(observer) = &mut self.observer {
                    observer.count_row();
                }
            }
        }
    }

    /// Returns what becomes of the connection after this error.
    fn fate(&self, error: &sqlx::Error) -> Fate {
        match classify(error)
            .in_boundary(self.options.is_read_only())
            .fate
        {
            // A file has no line that could be cut; its connection may be all that there is of a database.
            Fate::Lost if !self.is_remote && matches!(error, sqlx::Error::Protocol(_)) => {
                Fate::Usable
            }
            fate => fate,
        }
    }

    /// Returns the fate of the connection if the statement has no effect and can be sent again: as the first of its
    /// transaction on another connection, or here if the connection knows its types now.
    pub(crate) fn is_cured_by_another_attempt(&self, error: &sqlx::Error) -> Option<Fate> {
        if self.has_effect || *self.state != ConnectionState::Busy {
            return None;
        }
        match self.fate(error) {
            Fate::Unprepared => self.guards_types.then_some(Fate::Unprepared),
            // A new connection would meet the same again, but for the names that nobody has known to be shared.
            fate if !self.is_reused && fate != Fate::Shared => None,
            // Without a begin, the first statement is what finds a connection dead that lay idle.
            Fate::Lost if self.is_first && self.reads_alone() => Some(Fate::Lost),
            fate => (self.is_first && fate.is_cured_by_another_connection()).then_some(fate),
        }
    }

    /// Whether the statement is a transaction of its own, in which it only reads.
    fn reads_alone(&self) -> bool {
        self.at_rest == ConnectionState::Clean && self.options.is_read_only()
    }

    /// Records the outcome of a statement that the server commits by itself.
    fn settle(&mut self, outcome: RunOutcome) {
        if let Some(unproven) = self.unproven.as_mut().filter(|unproven| unproven.commits) {
            *unproven.outcome = outcome;
        }
    }

    /// Gives up an attempt whose statement is sent again.
    pub(crate) fn give_up(mut self, error: &sqlx::Error) {
        *self.state = self.at_rest;
        self.settle(RunOutcome::RolledBack);
        if let Some(observer) = self.observer.take() {
            observer.failed(self.activity, error);
        }
    }

    /// Records that the answer was read to its end. `rows` are added to the rows counted so far.
    pub(crate) fn complete(&mut self, rows: u64) {
        *self.state = self.at_rest;
        self.settle(RunOutcome::Committed);
        if let Some(mut observer) = self.observer.take() {
            observer.returned += rows;
            observer.answered(self.activity);
        }
    }

    /// Records that the answer ended with an error. Returns the error for the body.
    pub(crate) fn fail(&mut self, error: sqlx::Error) -> sqlx::Error {
        let fate = self.fate(&error);
        *self.state = match fate {
            Fate::Lost => ConnectionState::Lost,
            _ => self.at_rest,
        };
        if !matches!(fate, Fate::Usable | Fate::Unprepared) {
            *self.spent = Some(fate);
        }
        self.settle(RunOutcome::RolledBack);
        let error = self.mark_unknown(error, fate);
        self.report(&error, |options| Failure::caused_by(&error, options));
        error
    }

    /// Reports the error of the statement, and marks the session with the failure that it is, unless the session has failed
    /// before.
    pub(crate) fn report(
        &mut self,
        error: &sqlx::Error,
        failure: impl FnOnce(&Effective) -> Option<Failure>,
    ) {
        self.activity.failed(error);
        if let Some(observer) = self.observer.take() {
            observer.failed(self.activity, error);
        }
        if self.fitness.failure().is_none()
            && let Some(failure) = failure(self.options)
        {
            self.fitness.fail(failure, || self.activity.place());
        }
    }

    /// Converts the loss of the connection to [`Error::CommitUnknown`] if unproven code was running, or a statement that the
    /// server commits by itself: it may have committed, so a retry could apply it twice.
    fn mark_unknown(&mut self, error: sqlx::Error, fate: Fate) -> sqlx::Error {
        match &mut self.unproven {
            // What sqlx itself has refused was not run.
            Some(unproven)
                if (fate == Fate::Lost && classify(&error).category != Category::Query)
                    || (unproven.commits && classify(&error).leaves_outcome_open()) =>
            {
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
        *self.state = ConnectionState::Busy;
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

    /// Awaits an answer for as long as the statement timeout allows.
    ///
    /// # Errors
    ///
    /// The error of a statement that has timed out.
    pub(crate) async fn within_limit<T>(
        &mut self,
        answer: impl Future<Output = T>,
    ) -> Result<T, sqlx::Error> {
        match self.limit {
            None => Ok(answer.await),
            Some(limit) => match tokio::time::timeout(limit, answer).await {
                Ok(answer) => Ok(answer),
                Err(_) => Err(self.time_out(limit)),
            },
        }
    }

    /// Awaits an answer that is not a stream; `rows` counts the rows in it.
    pub(crate) async fn watch_rows<T>(
        mut self,
        answer: impl Future<Output = Result<T, sqlx::Error>>,
        rows: fn(&T) -> u64,
    ) -> Result<T, sqlx::Error> {
        match self.within_limit(answer).await? {
            Ok(answer) => {
                self.complete(rows(&answer));
                Ok(answer)
            }
            Err(error) => Err(self.fail(error)),
        }
    }
}
