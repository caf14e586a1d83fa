//! Defines [`Error`]: why a boundary did not commit.

mod classification;
mod display;

pub(crate) use self::display::ENDED_BY_OTHERS;

use std::any::Any;
use std::borrow::Cow;
use std::time::Duration;

use crate::classify::Envelope;
use crate::scope::current;
use crate::scope::holder::ConnectionHolder;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;

/// Why a boundary did not commit.
///
/// Every variant records where the error happened. A *body* has its own error type, which is built from this one through
/// `From<demarcate::Error>`.
///
/// `{}` writes one line, for a log. `{:#}` writes everything that is known, in several lines: the service, the statement
/// without its values, the database's own detail and hint, the number of the transaction. Neither contains secrets.
///
/// ```text
/// router `post_order` (src/orders.rs:12): error returned from database: duplicate key value violates unique constraint "orders_sku_key"
///     in: service `create_order` (src/orders.rs:31)
///     statement: insert into orders (sku) values ($1) returning id
///     detail: Key (sku)=(?) already exists.
///     meaning: unique constraint, SQLSTATE 23505
///     transaction: 5f3ad1a7c0de91b2, run 1
/// ```
///
/// `demarcate::Error: From<sqlx::Error>` and `sqlx::Error: From<demarcate::Error>` both exist, and the conversion is
/// lossless: an error of this type crosses a function that returns `sqlx::Error` unchanged.
#[non_exhaustive]
pub enum Error {
    /// The database, or the connection to it, reported an error. The transaction was rolled back.
    #[non_exhaustive]
    Database {
        /// Where it happened.
        place: ErrorContext,
        /// The error itself.
        source: sqlx::Error,
    },

    /// A statement failed, and the body continued and returned `Ok`. The transaction was rolled back: PostgreSQL would
    /// have committed nothing, and other databases only a part.
    ///
    /// Also where a procedure, or a statement on [the raw connection](crate::Session::unguarded), has ended the transaction:
    /// with a `COMMIT` there, what was sent before it is committed, and the message says so.
    #[non_exhaustive]
    Aborted {
        /// Where it happened.
        place: ErrorContext,
        /// The first error of the transaction: a copy of the error that the body received, with its message, code,
        /// constraint, table and kind.
        source: sqlx::Error,
    },

    /// The body asked for a rollback with [`rollback_only`](crate::Session::rollback_only) and returned `Ok`, or a
    /// [`tripwire`](crate::tripwire) has seen it take a connection of another pool. The transaction was rolled back.
    #[non_exhaustive]
    RollbackOnly {
        /// Where it happened.
        place: ErrorContext,
        /// The reason that the body gave.
        reason: Cow<'static, str>,
    },

    /// A [`before_commit`](crate::Session::before_commit) hook returned an error. The transaction was rolled back.
    #[non_exhaustive]
    BeforeCommit {
        /// Where it happened.
        place: ErrorContext,
        /// The hook's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// The boundary does not meet a requirement of a service. The transaction was rolled back, and none of the service's
    /// statements were sent.
    #[non_exhaustive]
    RequirementNotMet {
        /// Where it happened.
        place: ErrorContext,
        /// The service.
        service: Site,
        /// The requirement, the boundary's option, and the text to write in the boundary's attribute.
        needs: Cow<'static, str>,
    },

    /// A statement that would end, nest, escape or outlive the transaction was refused before it was sent.
    #[non_exhaustive]
    Forbidden {
        /// Where it happened.
        place: ErrorContext,
        /// The code of the rule, the same as in the compile-time error.
        rule: &'static str,
        /// The first words of the statement, without any value.
        statement: String,
        /// Why it was refused, and what to write instead.
        reason: &'static str,
    },

    /// The connection was lost, or time ran out, between COMMIT and its answer. It is unknown whether the transaction was
    /// committed.
    #[non_exhaustive]
    CommitUnknown {
        /// Where it happened.
        place: ErrorContext,
        /// The error met while waiting for the answer.
        source: sqlx::Error,
    },

    /// The boundary took longer than its timeout. It was rolled back.
    #[non_exhaustive]
    Timeout {
        /// Where it happened.
        place: ErrorContext,
        /// The timeout.
        after: Duration,
    },

    /// A statement took longer than the boundary's `statement_timeout`, on a database whose statements this crate has to
    /// stop itself. The transaction was rolled back.
    #[non_exhaustive]
    StatementTimeout {
        /// Where it happened.
        place: ErrorContext,
        /// The timeout.
        after: Duration,
    },

    /// No connection became free in time. No statement was executed.
    #[non_exhaustive]
    PoolTimeout {
        /// Where it happened.
        place: ErrorContext,
        /// How long it waited.
        after: Duration,
        /// How many connections the pool may have.
        size: usize,
        /// The boundaries that hold them, the longest holder first. Connections of a pool that the application made
        /// itself may also be held by other code, which is not listed.
        holders: Vec<ConnectionHolder>,
    },

    /// More boundaries wait for a connection than can be served in time: more than
    /// [`max_waiting`](crate::Builder::max_waiting), or so many that this one's time would be over first. It was refused at
    /// once, and is not run again by [`retry`](crate::Retry), which would only add to the load. No statement was executed.
    #[non_exhaustive]
    Overloaded {
        /// Where it happened.
        place: ErrorContext,
        /// How many boundaries wait for a connection already.
        waiting: usize,
        /// How many connections the pool may have.
        size: usize,
        /// How long it would have waited, and how long it could have. `None` if `max_waiting` was reached.
        wait: Option<(Duration, Duration)>,
    },

    /// No connection could be made, or the database refused to begin a transaction. No statement was executed.
    #[non_exhaustive]
    Connect {
        /// Where it happened.
        place: ErrorContext,
        /// The advice: the parts to check, given the reason of the failure.
        advice: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },

    /// The database was not migrated, or only in part.
    #[non_exhaustive]
    Migration {
        /// Where it happened.
        place: ErrorContext,
        /// How to recover.
        advice: &'static str,
        /// The migration and its error: a `sqlx::Error::Migrate`.
        source: sqlx::Error,
    },

    /// A boundary was opened inside another on the same pool. The outer one continues.
    #[non_exhaustive]
    NestedBoundary {
        /// Where it happened.
        place: ErrorContext,
        /// The boundary around it.
        outer: Site,
    },

    /// The database does not support an option. Nothing was sent.
    #[non_exhaustive]
    Unsupported {
        /// Where it happened.
        place: ErrorContext,
        /// The database's name.
        database: &'static str,
        /// The option as it is written, or the name of the missing feature.
        option: Cow<'static, str>,
        /// What to write instead.
        instead: &'static str,
    },

    /// A setting is invalid: a URL that does not parse, options that contradict each other.
    #[non_exhaustive]
    Config {
        /// Where it happened.
        place: ErrorContext,
        /// The mistake, and what to write instead. Never contains a URL.
        message: Cow<'static, str>,
    },

    /// A failure of the application's own, made by [`Error::application`] or of a [`Problem`](crate::Problem). The
    /// transaction was rolled back.
    #[non_exhaustive]
    Application {
        /// Where it happened.
        place: ErrorContext,
        /// The HTTP status.
        status: u16,
        /// What is wrong. A client reads it where the status is below 500.
        message: Cow<'static, str>,
        /// The problem that is answered, if the error was made of one.
        #[doc(hidden)]
        answer: Option<Box<dyn Any + Send + Sync>>,
    },

    /// The session factory was closed.
    #[non_exhaustive]
    Closed {
        /// Where it happened.
        place: ErrorContext,
    },
}

/// Matches the `place` field, which every variant has.
macro_rules! place_of {
    ($error:expr) => {
        match $error {
            Error::Database { place, .. }
            | Error::Aborted { place, .. }
            | Error::RollbackOnly { place, .. }
            | Error::BeforeCommit { place, .. }
            | Error::RequirementNotMet { place, .. }
            | Error::StatementTimeout { place, .. }
            | Error::Forbidden { place, .. }
            | Error::CommitUnknown { place, .. }
            | Error::Timeout { place, .. }
            | Error::PoolTimeout { place, .. }
            | Error::Overloaded { place, .. }
            | Error::Connect { place, .. }
            | Error::Migration { place, .. }
            | Error::NestedBoundary { place, .. }
            | Error::Unsupported { place, .. }
            | Error::Config { place, .. }
            | Error::Application { place, .. }
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
    pub fn place(&self) -> &ErrorContext {
        place_of!(self)
    }

    /// Creates a failure of the application's own, with its HTTP status, for a service or a router that can fail otherwise
    /// than by a statement. The boundary rolls back, and counts it as an error of its body. The message is the
    /// [problem](Error::problem)'s detail; from status 500 on it is for the log alone.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::sqlite::Session;
    /// use demarcate::{Error, service};
    ///
    /// #[service]
    /// async fn reserve(tx: &mut Session, id: i64) -> Result<(), Error> {
    ///     let update = sqlx::query("update articles set stock = stock - 1 where id = $1 and stock > 0");
    ///     match update.bind(id).execute(&mut *tx).await?.rows_affected() {
    ///         0 => Err(Error::application(409, "the article is sold out")),
    ///         _ => Ok(()),
    ///     }
    /// }
    /// # }
    /// # let error = demarcate::Error::application(409, "the article is sold out");
    /// # assert_eq!(error.problem().to_string(), "409 Refused: the article is sold out");
    /// ```
    ///
    /// [`Problem::into_error`](crate::Problem::into_error) makes one of a problem, with its type and title.
    pub fn application(status: u16, message: impl Into<Cow<'static, str>>) -> Self {
        Self::Application {
            place: current::place(),
            status,
            message: message.into(),
            answer: None,
        }
    }

    /// Creates a failure of the application's own that is answered with `answer`.
    pub(crate) fn answered(
        status: u16,
        message: String,
        answer: Box<dyn Any + Send + Sync>,
    ) -> Self {
        Self::Application {
            place: current::place(),
            status,
            message: message.into(),
            answer: Some(answer),
        }
    }

    fn database(source: sqlx::Error) -> Self {
        Self::Database {
            place: current::place_of(&source),
            source,
        }
    }

    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Config {
            place: ErrorContext::default(),
            message: message.into(),
        }
    }

    /// No connection could be made. `advice` says what the user should check.
    pub(crate) fn connect(source: sqlx::Error, advice: &'static str) -> Self {
        Self::Connect {
            place: ErrorContext::default(),
            advice,
            source,
        }
    }

    pub(crate) fn unsupported(
        database: &'static str,
        option: impl Into<Cow<'static, str>>,
        instead: &'static str,
    ) -> Self {
        Self::Unsupported {
            place: ErrorContext::default(),
            database,
            option: option.into(),
            instead,
        }
    }

    /// Sets the place to the boundary, unless a more exact place is known.
    pub(crate) fn at(mut self, boundary: impl FnOnce() -> ErrorContext) -> Self {
        let place = place_of!(&mut self);
        *place = std::mem::take(place).within(boundary);
        self
    }
}

impl From<sqlx::Error> for Error {
    /// Returns the carried error if the `sqlx::Error` carries one. Otherwise returns [`Error::Database`], with the place
    /// taken from the boundary around the caller.
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => match Envelope::open(error) {
                Ok(carried) => carried,
                Err(error) => Self::database(sqlx::Error::Database(error)),
            },
            sqlx::Error::PoolClosed => Self::Closed {
                place: current::place_of(&sqlx::Error::PoolClosed),
            },
            source => Self::database(source),
        }
    }
}

impl From<Error> for String {
    /// Formats the error, for bodies whose error type is `String`.
    fn from(error: Error) -> Self {
        error.to_string()
    }
}

impl From<Error> for sqlx::Error {
    /// Returns the database's own error for [`Error::Database`], and otherwise a [`sqlx::Error::Database`] that carries
    /// the error.
    fn from(error: Error) -> Self {
        match error {
            Error::Database { source, .. } => source,
            error => Envelope::seal(error),
        }
    }
}
