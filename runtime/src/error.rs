//! What can go wrong with a boundary.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use sqlx::error::{DatabaseError, ErrorKind};

use crate::backend::Backend;
use crate::cause::Cause;
use crate::holders::{Holder, InWords};
use crate::nesting;
use crate::place::Place;
use crate::settings::{Redacted, redact};
use crate::site::Site;

/// Why a boundary did not commit.
///
/// Every variant says in which boundary it happened, where there was one. The error of a *body* is
/// the body's own type; this one reaches it through `From<demarcate::Error>`.
///
/// `demarcate::Error: From<sqlx::Error>` and `sqlx::Error: From<demarcate::Error>` both exist, and the
/// second keeps what the first had: our errors travel through a function that returns `sqlx::Error`,
/// and come out on the other side as they were.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database, or the wire to it, reported an error. The transaction was rolled back.
    #[error("{}{}", .place, Redacted(.source))]
    #[non_exhaustive]
    Database {
        /// Where it happened.
        place: Place,
        /// The error itself.
        source: sqlx::Error,
    },

    /// A statement failed, the body went on and returned `Ok`. The transaction was rolled back:
    /// `Ok` would otherwise have been a lie on PostgreSQL, and half a truth elsewhere.
    #[error(
        "{}rolled back: a statement failed and the body went on: {}; return the error with `?`, or give \
         what may fail a scope of its own with `tx.savepoint(..)`",
        .place,
        Redacted(.source)
    )]
    #[non_exhaustive]
    Aborted {
        /// Where it happened.
        place: Place,
        /// The first error of the transaction: a copy of what the body saw, with its message, code,
        /// constraint, table and kind.
        source: sqlx::Error,
    },

    /// The body asked that nothing of it be kept, by
    /// [`rollback_only`](crate::Session::rollback_only), and returned `Ok`. The transaction was rolled
    /// back.
    #[error("{}rolled back: {reason}", .place)]
    #[non_exhaustive]
    RollbackOnly {
        /// Where it happened.
        place: Place,
        /// What the body said.
        reason: Cow<'static, str>,
    },

    /// A [`before_commit`](crate::Session::before_commit) hook refused. The transaction was rolled back.
    #[error("{}rolled back: refused before the commit: {}", .place, redact(&.source.to_string()))]
    #[non_exhaustive]
    BeforeCommit {
        /// Where it happened.
        place: Place,
        /// The hook's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A service needs more than its boundary gives. The transaction was rolled back, and none of the
    /// service's statements were sent.
    #[error("{}{service} needs {needs}", .place)]
    #[non_exhaustive]
    Unmet {
        /// Where it happened.
        place: Place,
        /// The service.
        service: Site,
        /// What it needs, what it is given, and what to write in the boundary's attribute.
        needs: Cow<'static, str>,
    },

    /// A statement that would end, nest, escape or outlive the transaction was refused before it was
    /// sent.
    #[error("{}{rule}: `{statement}` was refused before it was sent: {reason}", .place)]
    #[non_exhaustive]
    Forbidden {
        /// Where it happened.
        place: Place,
        /// The code of the rule, as the compiler names it where it sees the text.
        rule: &'static str,
        /// The first words of the statement, without any value.
        statement: String,
        /// Who may do that, and what to write instead.
        reason: &'static str,
    },

    /// The connection was lost, or time ran out, between COMMIT and the answer to it. Whether the
    /// transaction was committed is not known.
    #[error(
        "{}the outcome of the commit is not known: {}; look before you do it again",
        .place,
        Redacted(.source)
    )]
    #[non_exhaustive]
    CommitUnknown {
        /// Where it happened.
        place: Place,
        /// What happened while the answer was awaited.
        source: sqlx::Error,
    },

    /// The boundary took longer than its timeout. It was rolled back.
    #[error("{}rolled back: not done within {after:?}", .place)]
    #[non_exhaustive]
    Timeout {
        /// Where it happened.
        place: Place,
        /// How long it had.
        after: Duration,
    },

    /// A statement took longer than the boundary's `statement_timeout`, on a database that leaves it to
    /// this crate to stop it. The transaction was rolled back.
    #[error("{}rolled back: a statement was not done within {after:?}", .place)]
    #[non_exhaustive]
    StatementTimeout {
        /// Where it happened.
        place: Place,
        /// How long it had.
        after: Duration,
    },

    /// No connection became free in time. Nothing was executed.
    #[error(
        "{}no connection became free within {after:?}: all {size} are in use, by {}; look for one that waits for \
         something else than the database, or raise `max_connections`",
        .place, InWords(.holders)
    )]
    #[non_exhaustive]
    PoolTimeout {
        /// Where it waited.
        place: Place,
        /// How long it waited.
        after: Duration,
        /// How many connections the pool may have.
        size: usize,
        /// Which boundaries hold them; who has held one longest comes first. Others than this factory's may
        /// hold some of a pool of the user's own.
        holders: Vec<Holder>,
    },

    /// No connection could be made, or none on which a transaction can be begun. Nothing was executed.
    #[error("{}cannot connect to the database: {}; {advice}", .place, Redacted(.source))]
    #[non_exhaustive]
    Connect {
        /// Where it needed the connection.
        place: Place,
        /// What to look at, given why it failed.
        advice: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },

    /// The database was not migrated, or not to the end.
    #[error("{}the database was not migrated: {}; {advice}", .place, Redacted(.source))]
    #[non_exhaustive]
    Migration {
        /// Where it was asked for.
        place: Place,
        /// What to do about it.
        advice: &'static str,
        /// Which migration, and what is wrong with it: a `sqlx::Error::Migrate`.
        source: sqlx::Error,
    },

    /// A boundary was opened inside another on the same pool. The outer one goes on unharmed.
    #[error(
        "{}a boundary cannot be opened inside {outer}, whose task already holds a connection of this pool; \
         lend the outer session to a service, or ask for a second transaction with `independent`",
        .place
    )]
    #[non_exhaustive]
    NestedBoundary {
        /// Where it was refused.
        place: Place,
        /// The boundary around it.
        outer: Site,
    },

    /// The database at hand cannot do what was asked for. Nothing was sent.
    #[error("{}{database} has no {option}; {instead}", .place)]
    #[non_exhaustive]
    Unsupported {
        /// Where it asked.
        place: Place,
        /// The database's name.
        database: &'static str,
        /// The option, as it is written, or what else it is without.
        option: Cow<'static, str>,
        /// What to write instead.
        instead: &'static str,
    },

    /// A setting is wrong: a URL that does not parse, options that contradict each other.
    #[error("{}{message}", .place)]
    #[non_exhaustive]
    Config {
        /// Where it it was given to.
        place: Place,
        /// What is wrong, and what to write instead. Never holds a URL.
        message: Cow<'static, str>,
    },

    /// The session factory was closed.
    #[error("{}the session factory is closed", .place)]
    #[non_exhaustive]
    Closed {
        /// Where it came too late.
        place: Place,
    },
}

impl fmt::Debug for Error {
    /// With all that the database said, and without the secrets in it: this is what a panic prints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, source) = match self {
            Self::Database { source, .. } => ("Database", source),
            Self::Aborted { source, .. } => ("Aborted", source),
            Self::CommitUnknown { source, .. } => ("CommitUnknown", source),
            Self::Connect { source, .. } => ("Connect", source),
            Self::Migration { source, .. } => ("Migration", source),
            other => {
                return f
                    .debug_tuple("Error")
                    .field(&format_args!("{other}"))
                    .finish();
            }
        };
        f.debug_struct(name)
            .field("place", self.place())
            .field("source", &Redacted(source))
            .finish()
    }
}

/// The field that every variant has, whatever else is in it.
macro_rules! place_of {
    ($error:expr) => {
        match $error {
            Error::Database { place, .. }
            | Error::Aborted { place, .. }
            | Error::RollbackOnly { place, .. }
            | Error::BeforeCommit { place, .. }
            | Error::Unmet { place, .. }
            | Error::StatementTimeout { place, .. }
            | Error::Forbidden { place, .. }
            | Error::CommitUnknown { place, .. }
            | Error::Timeout { place, .. }
            | Error::PoolTimeout { place, .. }
            | Error::Connect { place, .. }
            | Error::Migration { place, .. }
            | Error::NestedBoundary { place, .. }
            | Error::Unsupported { place, .. }
            | Error::Config { place, .. }
            | Error::Closed { place } => place,
        }
    };
}

impl Error {
    /// The boundary that the error happened in, where there was one.
    pub fn boundary(&self) -> Option<Site> {
        self.place().boundary()
    }

    /// Where the error happened: in which boundary and which of its runs, in which service, at which statement.
    pub fn place(&self) -> &Place {
        place_of!(self)
    }

    /// Our own error, where one of sqlx carries it.
    pub(crate) fn carried_by(error: &dyn DatabaseError) -> Option<&Self> {
        error
            .try_downcast_ref::<Carried>()
            .map(|carried| &carried.0)
    }

    fn database(source: sqlx::Error) -> Self {
        Self::Database {
            place: nesting::place_of(&source),
            source,
        }
    }

    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Config {
            place: Place::default(),
            message: message.into(),
        }
    }

    /// No connection could be made.
    pub(crate) fn connect<DB: Backend>(source: sqlx::Error) -> Self {
        Self::Connect {
            place: Place::default(),
            advice: Cause::of::<DB>(&source).advice,
            source,
        }
    }

    pub(crate) fn unsupported(
        database: &'static str,
        option: impl Into<Cow<'static, str>>,
        instead: &'static str,
    ) -> Self {
        Self::Unsupported {
            place: Place::default(),
            database,
            option: option.into(),
            instead,
        }
    }

    /// The same error, in that boundary, if nothing more exact is known of where it happened.
    pub(crate) fn at(mut self, boundary: impl FnOnce() -> Place) -> Self {
        let place = place_of!(&mut self);
        *place = std::mem::take(place).within(boundary);
        self
    }

    /// The SQLSTATE that says nearest the same, for code that reads the error as a `sqlx::Error`.
    ///
    /// PostgreSQL's names: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn sqlstate(&self) -> Option<&'static str> {
        Some(match self {
            Self::Aborted { .. } => "25P02",      // in_failed_sql_transaction
            Self::RollbackOnly { .. } => "40000", // transaction_rollback
            Self::BeforeCommit { .. } => "40000",
            Self::Unmet { .. } => "25000", // invalid_transaction_state
            Self::Forbidden { .. } => "2D000", // invalid_transaction_termination
            Self::NestedBoundary { .. } => "25001", // active_sql_transaction
            Self::CommitUnknown { .. } => "08007", // transaction_resolution_unknown
            Self::Connect { .. } => "08001", // sqlclient_unable_to_establish_sqlconnection
            Self::Closed { .. } => "08003", // connection_does_not_exist
            Self::PoolTimeout { .. } => "53300", // too_many_connections
            Self::Timeout { .. } | Self::StatementTimeout { .. } => "57014", // query_canceled
            Self::Unsupported { .. } => "0A000", // feature_not_supported
            Self::Database { .. } | Self::Config { .. } | Self::Migration { .. } => return None,
        })
    }
}

impl From<sqlx::Error> for Error {
    /// Our own error, where the `sqlx::Error` carries one; otherwise [`Error::Database`], at the statement of the
    /// boundary around the caller that it came from.
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match error.try_downcast::<Carried>() {
                Ok(carried) => carried.0,
                Err(error) => Self::database(sqlx::Error::Database(error)),
            },
            sqlx::Error::PoolClosed => Self::Closed {
                place: nesting::place_of(&sqlx::Error::PoolClosed),
            },
            source => Self::database(source),
        }
    }
}

impl From<Error> for String {
    /// What the error says, for bodies whose errors are texts.
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

impl From<Error> for sqlx::Error {
    /// The database's own error, where there is one; a [`sqlx::Error::Database`] that carries ours
    /// otherwise.
    fn from(error: Error) -> Self {
        match error {
            Error::Database { source, .. } => source,
            error => Self::Database(Box::new(Carried(error))),
        }
    }
}

/// One of our errors on its way through a `sqlx::Error`.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Carried(Error);

impl DatabaseError for Carried {
    fn message(&self) -> &str {
        match &self.0 {
            Error::Forbidden { reason, .. } => reason,
            Error::Config { message, .. } => message,
            Error::Aborted { .. } => "the transaction is aborted by an earlier error",
            Error::RollbackOnly { reason, .. } => reason,
            Error::BeforeCommit { .. } => "refused before the commit",
            Error::Unmet { needs, .. } => needs,
            Error::StatementTimeout { .. } => "a statement was not done within its timeout",
            Error::CommitUnknown { .. } => "the outcome of the commit is not known",
            Error::Timeout { .. } => "the boundary was not done within its timeout",
            Error::PoolTimeout { .. } => "no connection became free in time",
            Error::Connect { .. } => "cannot connect to the database",
            Error::Migration { .. } => "the database was not migrated",
            Error::NestedBoundary { .. } => "a boundary was opened inside another on the same pool",
            Error::Unsupported { .. } => "the database has no such option",
            Error::Closed { .. } => "the session factory is closed",
            Error::Database { .. } => "the database reported an error",
        }
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.0.sqlstate().map(Cow::Borrowed)
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

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
