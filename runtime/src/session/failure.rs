//! What made a session unfit to commit.

use std::time::Duration;

use crate::backend::Backend;
use crate::classify::{Category, copy_of};
use crate::error::Error;
use crate::scope::place::ErrorContext;
use crate::session::guard::Refusal;
use crate::session::requirements::UnmetRequirement;

/// The first failure of a transaction. Until a savepoint around it is rolled back, no further
/// statement is sent, and the boundary does not commit.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server or the wire reported an error. The body got the original; this is a copy.
    Statement {
        error: sqlx::Error,
        /// What the database says of the original.
        may_succeed_again: bool,
    },
    /// The state that the transaction is in is not known, or it is gone.
    Lost(sqlx::Error),
    /// A statement took longer than its timeout.
    Slow(Duration),
    /// The guard refused a statement.
    Forbidden(Refusal),
    /// A service needs what the boundary does not give.
    UnmetRequirement(UnmetRequirement),
}

impl Failure {
    /// A statement, or a scope, whose future was dropped before it was done: sqlx would go on, and
    /// nobody can tell what it did. (sqlx itself drops the rest of the rows where one cannot be decoded.)
    pub(crate) fn dropped(what: &str) -> Self {
        Self::Lost(sqlx::Error::Protocol(format!(
            "{what} was dropped before it was done (or a row of it could not be decoded), so that its effect is \
             not known"
        )))
    }

    /// What was run unseen, by a procedure or on the raw connection, has ended the transaction.
    pub(crate) fn gone(error: &Error) -> Self {
        Self::Lost(sqlx::Error::Protocol(format!(
            "the transaction is gone, ended by a procedure or on the raw connection: {error}"
        )))
    }

    /// The failure that `error` is for the session it happened in, if it is one.
    ///
    /// An error from the server or the wire is. That there was no row, or that a value could not be
    /// encoded or decoded, is between the body and its data.
    pub(crate) fn of<DB: Backend>(error: &sqlx::Error) -> Option<Self> {
        use sqlx::Error as E;
        match error {
            E::RowNotFound
            | E::TypeNotFound { .. }
            | E::ColumnIndexOutOfBounds { .. }
            | E::ColumnNotFound(_)
            | E::ColumnDecode { .. }
            | E::Encode(_)
            | E::Decode(_)
            | E::InvalidArgument(_) => None,
            error => Some(Self::Statement {
                error: copy_of(error),
                may_succeed_again: DB::may_succeed_again(error),
            }),
        }
    }

    /// Whether the boundary, run again, may do without it.
    fn may_succeed_again(&self) -> bool {
        matches!(
            self,
            Self::Statement {
                may_succeed_again: true,
                ..
            }
        )
    }

    /// What a boundary returns for it, and what every later statement fails with.
    fn to_error(&self, place: ErrorContext) -> Error {
        match self {
            Self::Statement { error: source, .. } | Self::Lost(source) => Error::Aborted {
                place,
                source: copy_of(source),
            },
            Self::Slow(after) => Error::StatementTimeout {
                place,
                after: *after,
            },
            Self::Forbidden(refusal) => refusal.to_error(place),
            Self::UnmetRequirement(unmet) => unmet.to_error(place),
        }
    }
}

/// The mark that the first failure leaves on a session, and where that was.
#[derive(Debug)]
pub(crate) struct FailureMark {
    failure: Failure,
    place: ErrorContext,
}

impl FailureMark {
    pub(crate) fn new(failure: Failure, place: ErrorContext) -> Self {
        Self { failure, place }
    }

    pub(crate) fn to_error(&self) -> Error {
        self.failure.to_error(self.place.clone())
    }

    /// The same where the body has returned it, or something that it made of it: what that says, and what kind it is of.
    pub(crate) fn returned(&self) -> (String, Category) {
        let error = match &self.failure {
            Failure::Statement { error, .. } | Failure::Lost(error) => Error::Database {
                place: self.place.clone(),
                source: copy_of(error),
            },
            other => other.to_error(self.place.clone()),
        };
        (error.to_string(), error.classification().category)
    }

    /// Whether the boundary, run again, may do without it.
    pub(crate) fn may_succeed_again(&self) -> bool {
        self.failure.may_succeed_again()
    }
}
