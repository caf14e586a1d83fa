//! What made a session unfit to commit.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::time::Duration;

use sqlx::error::{DatabaseError, ErrorKind};

use crate::backend::Backend;
use crate::classify::{Category, Classified, Envelope, Origin};
use crate::error::Error;
use crate::guard::Refusal;
use crate::needs::Unmet;
use crate::place::Place;

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
    Unmet(Unmet),
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
                error: copy(error),
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
    fn to_error(&self, place: Place) -> Error {
        match self {
            Self::Statement { error: source, .. } | Self::Lost(source) => Error::Aborted {
                place,
                source: copy(source),
            },
            Self::Slow(after) => Error::StatementTimeout {
                place,
                after: *after,
            },
            Self::Forbidden(refusal) => refusal.to_error(place),
            Self::Unmet(unmet) => unmet.to_error(place),
        }
    }
}

/// The mark that the first failure leaves on a session, and where that was.
#[derive(Debug)]
pub(crate) struct Mark {
    failure: Failure,
    place: Place,
}

impl Mark {
    pub(crate) fn new(failure: Failure, place: Place) -> Self {
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
                source: copy(error),
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

/// An error of sqlx cannot be cloned, and the original belongs to the body.
fn copy(error: &sqlx::Error) -> sqlx::Error {
    use sqlx::Error as E;
    match error {
        E::Database(error) => E::Database(Box::new(Copy::of(&**error))),
        E::Io(error) => E::Io(io::Error::new(error.kind(), error.to_string())),
        E::Protocol(message) => E::Protocol(message.clone()),
        E::WorkerCrashed => E::WorkerCrashed,
        E::PoolClosed => E::PoolClosed,
        E::PoolTimedOut => E::PoolTimedOut,
        other => E::Protocol(other.to_string()),
    }
}

/// One of ours on its way, or a copy of one.
fn is_ours(error: &dyn DatabaseError) -> bool {
    let copy = error.try_downcast_ref::<Copy>();
    copy.is_some_and(|copy| copy.is_ours) || Envelope::peek(error).is_some()
}

/// What an error of sqlx says, with whose words these are. One of ours, or a copy of one, speaks for itself.
pub(crate) fn said(error: &sqlx::Error) -> String {
    let sqlx::Error::Database(error) = error else {
        return error.to_string();
    };
    let whose = match is_ours(&**error) {
        true => "",
        false => "error returned from database: ",
    };
    format!("{whose}{}", Origin::of(&**error).text())
}

/// What can be read of a database's error through sqlx's own trait, and what it means.
#[derive(Debug)]
pub(crate) struct Copy {
    text: String,
    /// It was an error of ours on its way.
    is_ours: bool,
    message: String,
    pub(crate) code: Option<String>,
    constraint: Option<String>,
    table: Option<String>,
    kind: ErrorKind,
    pub(crate) kept: crate::classify::Kept,
}

impl Copy {
    fn of(error: &dyn DatabaseError) -> Self {
        let ours = Envelope::peek(error);
        Self {
            // It happened in the boundary that has the copy.
            text: ours.map_or_else(|| Origin::of(error).text().into_owned(), Classified::line),
            is_ours: is_ours(error),
            message: error.message().to_owned(),
            code: error.code().map(Cow::into_owned),
            constraint: error.constraint().map(str::to_owned),
            table: error.table().map(str::to_owned),
            kind: error.kind(),
            kept: crate::classify::Kept::of(error),
        }
    }
}

impl Copy {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Copy {}

impl DatabaseError for Copy {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.code.as_deref().map(Cow::Borrowed)
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    fn kind(&self) -> ErrorKind {
        match self.kind {
            ErrorKind::UniqueViolation => ErrorKind::UniqueViolation,
            ErrorKind::ForeignKeyViolation => ErrorKind::ForeignKeyViolation,
            ErrorKind::NotNullViolation => ErrorKind::NotNullViolation,
            ErrorKind::CheckViolation => ErrorKind::CheckViolation,
            ErrorKind::ExclusionViolation => ErrorKind::ExclusionViolation,
            _ => ErrorKind::Other,
        }
    }
}
