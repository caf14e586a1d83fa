//! Defines the first failure of a transaction, after which its session cannot commit.

use std::time::Duration;

use crate::classify::{Category, classify, copy_of};
use crate::error::{ENDED_BY_OTHERS, Error};
use crate::options::effective::Effective;
use crate::scope::place::ErrorContext;
use crate::session::guard::Refusal;
use crate::session::requirements::UnmetRequirement;

/// The first failure of a transaction. Until a savepoint around it is rolled back, no further
/// statement is sent, and the boundary does not commit.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server or the connection reported an error. The body received the original; this is a copy.
    Statement {
        error: sqlx::Error,
        /// Whether the same boundary may succeed if it is run again.
        may_succeed_again: bool,
    },
    /// The state of the transaction is unknown, or it has already ended.
    Lost(sqlx::Error),
    /// A statement took longer than its timeout.
    Slow(Duration),
    /// The guard refused a statement.
    Forbidden(Refusal),
    /// A boundary of a single statement was asked for more.
    NotSingle(&'static str),
    /// The boundary does not meet a requirement of a service.
    UnmetRequirement(UnmetRequirement),
}

impl Failure {
    /// The failure of a statement or savepoint whose future was dropped before it completed. sqlx would allow further
    /// statements, although the effect of the dropped one is unknown. sqlx itself drops the remaining rows if a row
    /// cannot be decoded.
    pub(crate) fn dropped(what: &str) -> Self {
        Self::Lost(sqlx::Error::Protocol(format!(
            "{what} was dropped before it completed (or one of its rows could not be decoded), so its effect is \
             unknown"
        )))
    }

    /// The failure of a transaction that a procedure, or a statement on the raw connection, has ended.
    pub(crate) fn gone(error: &Error) -> Self {
        Self::Lost(sqlx::Error::Protocol(format!("{ENDED_BY_OTHERS}: {error}")))
    }

    /// Returns the failure that `error` causes in its session, if it causes one.
    ///
    /// Errors from the server and the connection cause one. A missing row, or a value that cannot be encoded or decoded,
    /// does not affect the transaction.
    pub(crate) fn caused_by(error: &sqlx::Error, options: &Effective) -> Option<Self> {
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
                may_succeed_again: classify(error)
                    .in_boundary(options.is_read_only())
                    .retryable,
            }),
        }
    }

    /// Whether `retry` may run the boundary again.
    fn may_succeed_again(&self) -> bool {
        matches!(
            self,
            Self::Statement {
                may_succeed_again: true,
                ..
            }
        )
    }

    /// Returns the error of the boundary, and of every later statement.
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
            Self::NotSingle(what) => not_single(what).at(|| place),
            Self::UnmetRequirement(unmet) => unmet.to_error(place),
        }
    }
}

/// Returns the error of what a boundary with `single_statement` cannot do.
pub(crate) fn not_single(what: &'static str) -> Error {
    Error::unsupported(
        "a boundary with `single_statement`",
        what,
        "leave the option out; a statement that was sent before is committed",
    )
}

/// The first failure of a session, and the place where it happened.
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

    /// Returns the text and the category of the failure, for a body that returned the failure or an error built from it.
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

    /// Whether `retry` may run the boundary again.
    pub(crate) fn may_succeed_again(&self) -> bool {
        self.failure.may_succeed_again()
    }

    /// Whether the failure comes of others who do the same at the same time.
    pub(crate) fn is_contention(&self) -> bool {
        match &self.failure {
            Failure::Statement { error, .. } => classify(error).category.is_contention(),
            _ => false,
        }
    }

    /// Returns the statement, without its values, at which the connection broke.
    pub(crate) fn broke_at(&self) -> Option<&str> {
        match &self.failure {
            Failure::Statement {
                error: sqlx::Error::Io(_),
                ..
            } => self.place.statement(),
            _ => None,
        }
    }
}
