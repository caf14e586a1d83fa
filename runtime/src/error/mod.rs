//! What can go wrong with a boundary.

mod classification;
mod display;

use std::borrow::Cow;
use std::time::Duration;

use crate::classify::Envelope;
use crate::scope::current;
use crate::scope::holder::ConnectionHolder;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;

/// Why a boundary did not commit.
///
/// Every variant says where it happened. The error of a *body* is the body's own type; this one reaches it through
/// `From<demarcate::Error>`.
///
/// It is shown in one line, for a log: `{}`. All that is known of it, in several, is `{:#}`: the service, the
/// statement without its values, the database's own detail and hint, the number of the transaction. Secrets are in
/// neither.
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
/// `demarcate::Error: From<sqlx::Error>` and `sqlx::Error: From<demarcate::Error>` both exist, and the
/// second keeps what the first had: our errors travel through a function that returns `sqlx::Error`,
/// and come out on the other side as they were.
#[non_exhaustive]
pub enum Error {
    /// The database, or the wire to it, reported an error. The transaction was rolled back.
    #[non_exhaustive]
    Database {
        /// Where it happened.
        place: ErrorContext,
        /// The error itself.
        source: sqlx::Error,
    },

    /// A statement failed, the body went on and returned `Ok`. The transaction was rolled back:
    /// `Ok` would otherwise have been a lie on PostgreSQL, and half a truth elsewhere.
    #[non_exhaustive]
    Aborted {
        /// Where it happened.
        place: ErrorContext,
        /// The first error of the transaction: a copy of what the body saw, with its message, code,
        /// constraint, table and kind.
        source: sqlx::Error,
    },

    /// The body asked that nothing of it be kept, by
    /// [`rollback_only`](crate::Session::rollback_only), and returned `Ok`. The transaction was rolled
    /// back.
    #[non_exhaustive]
    RollbackOnly {
        /// Where it happened.
        place: ErrorContext,
        /// What the body said.
        reason: Cow<'static, str>,
    },

    /// A [`before_commit`](crate::Session::before_commit) hook refused. The transaction was rolled back.
    #[non_exhaustive]
    BeforeCommit {
        /// Where it happened.
        place: ErrorContext,
        /// The hook's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A service needs more than its boundary gives. The transaction was rolled back, and none of the
    /// service's statements were sent.
    #[non_exhaustive]
    RequirementNotMet {
        /// Where it happened.
        place: ErrorContext,
        /// The service.
        service: Site,
        /// What it needs, what it is given, and what to write in the boundary's attribute.
        needs: Cow<'static, str>,
    },

    /// A statement that would end, nest, escape or outlive the transaction was refused before it was
    /// sent.
    #[non_exhaustive]
    Forbidden {
        /// Where it happened.
        place: ErrorContext,
        /// The code of the rule, as the compiler names it where it sees the text.
        rule: &'static str,
        /// The first words of the statement, without any value.
        statement: String,
        /// Who may do that, and what to write instead.
        reason: &'static str,
    },

    /// The connection was lost, or time ran out, between COMMIT and the answer to it. Whether the
    /// transaction was committed is not known.
    #[non_exhaustive]
    CommitUnknown {
        /// Where it happened.
        place: ErrorContext,
        /// What happened while the answer was awaited.
        source: sqlx::Error,
    },

    /// The boundary took longer than its timeout. It was rolled back.
    #[non_exhaustive]
    Timeout {
        /// Where it happened.
        place: ErrorContext,
        /// How long it had.
        after: Duration,
    },

    /// A statement took longer than the boundary's `statement_timeout`, on a database that leaves it to
    /// this crate to stop it. The transaction was rolled back.
    #[non_exhaustive]
    StatementTimeout {
        /// Where it happened.
        place: ErrorContext,
        /// How long it had.
        after: Duration,
    },

    /// No connection became free in time. Nothing was executed.
    #[non_exhaustive]
    PoolTimeout {
        /// Where it happened.
        place: ErrorContext,
        /// How long it waited.
        after: Duration,
        /// How many connections the pool may have.
        size: usize,
        /// Which boundaries hold them; who has held one longest comes first. Others than this factory's may
        /// hold some of a pool of the user's own.
        holders: Vec<ConnectionHolder>,
    },

    /// No connection could be made, or none on which a transaction can be begun. Nothing was executed.
    #[non_exhaustive]
    Connect {
        /// Where it happened.
        place: ErrorContext,
        /// What to look at, given why it failed.
        advice: &'static str,
        /// Why it failed.
        source: sqlx::Error,
    },

    /// The database was not migrated, or not to the end.
    #[non_exhaustive]
    Migration {
        /// Where it happened.
        place: ErrorContext,
        /// What to do about it.
        advice: &'static str,
        /// Which migration, and what is wrong with it: a `sqlx::Error::Migrate`.
        source: sqlx::Error,
    },

    /// A boundary was opened inside another on the same pool. The outer one goes on unharmed.
    #[non_exhaustive]
    NestedBoundary {
        /// Where it happened.
        place: ErrorContext,
        /// The boundary around it.
        outer: Site,
    },

    /// The database at hand cannot do what was asked for. Nothing was sent.
    #[non_exhaustive]
    Unsupported {
        /// Where it happened.
        place: ErrorContext,
        /// The database's name.
        database: &'static str,
        /// The option, as it is written, or what else it is without.
        option: Cow<'static, str>,
        /// What to write instead.
        instead: &'static str,
    },

    /// A setting is wrong: a URL that does not parse, options that contradict each other.
    #[non_exhaustive]
    Config {
        /// Where it happened.
        place: ErrorContext,
        /// What is wrong, and what to write instead. Never holds a URL.
        message: Cow<'static, str>,
    },

    /// The session factory was closed.
    #[non_exhaustive]
    Closed {
        /// Where it happened.
        place: ErrorContext,
    },
}

/// The field that every variant has, whatever else is in it.
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
    pub fn place(&self) -> &ErrorContext {
        place_of!(self)
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

    /// The same error, in that boundary, if nothing more exact is known of where it happened.
    pub(crate) fn at(mut self, boundary: impl FnOnce() -> ErrorContext) -> Self {
        let place = place_of!(&mut self);
        *place = std::mem::take(place).within(boundary);
        self
    }
}

impl From<sqlx::Error> for Error {
    /// Our own error, where the `sqlx::Error` carries one; otherwise [`Error::Database`], at the statement of the
    /// boundary around the caller that it came from.
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
            error => Envelope::seal(error),
        }
    }
}
