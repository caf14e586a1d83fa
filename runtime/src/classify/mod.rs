//! Classifies database errors: the kind of failure, whether to retry, and how to recover.
//!
//! [`classify`] takes an error of sqlx, [`Error::classification`](crate::Error::classification) an error of this crate,
//! and [`classify_code`] a bare code. All three go by codes. The text of a message may be in any language, so it decides
//! only where one code has several meanings, and only where the text is always English. `docs/errors.md` lists every
//! code.
//!
//! ```
//! # #[cfg(feature = "sqlite")]
//! # async fn example() -> Result<(), demarcate::Error> {
//! use demarcate::classify::{Category, Constraint, Recovery};
//! use demarcate::sqlite::SessionFactory;
//! use demarcate::{Error, messages};
//!
//! messages! { "orders.sku" => "an order with this sku already exists" }
//!
//! let db = SessionFactory::connect("sqlite::memory:").await?;
//! let failed = db
//!     .transaction(async |tx| {
//!         sqlx::query("create table orders (sku text unique)").execute(&mut *tx).await?;
//!         sqlx::query("insert into orders values ('tea'), ('tea')").execute(&mut *tx).await?;
//!         Ok::<_, Error>(())
//!     })
//!     .await
//!     .unwrap_err();
//!
//! let found = failed.classification();
//! assert_eq!(found.category, Category::Constraint(Constraint::Unique));
//! assert_eq!((found.retryable, found.recovery), (false, Recovery::FixData));
//! assert_eq!((found.table(), found.column()), (Some("orders"), Some("sku")));
//! assert_eq!(found.user_message(), "an order with this sku already exists");
//! # db.close(std::time::Duration::from_secs(10)).await;
//! # Ok(())
//! # }
//! # #[cfg(feature = "sqlite")]
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
//! ```

mod category;
#[cfg(test)]
mod codes;
mod envelope;
mod message;
#[cfg(any(feature = "mysql", test))]
mod mysql;
#[cfg_attr(
    not(any(feature = "postgres", feature = "mysql", feature = "sqlite")),
    allow(dead_code, reason = "no database has errors")
)]
mod near;
mod origin;
mod postgrest;
mod redacted;
mod snapshot;
#[cfg(any(feature = "sqlite", test))]
mod sqlite;
mod sqlstate;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::io;

use sqlx::error::DatabaseError;

use crate::util::certificate::CertificateFault;
use crate::util::wrong_server::is_wrong_server;
use category::Advice;
pub(crate) use category::Fate;
use origin::Origin;

pub(crate) use category::words;
pub use category::{Category, Constraint, Recovery, Timeout, Transaction};
pub(crate) use envelope::{Classified, Envelope};
pub use message::register;
#[doc(hidden)]
pub use message::{Registered, register_one};
pub(crate) use redacted::{Redacted, RedactedIn};
pub(crate) use snapshot::copy_of;

/// The meaning of an error, and how to recover from it.
///
/// It borrows the error. A property that takes a search through the error's fields is a method.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Classification<'e> {
    /// The kind of failure.
    pub category: Category,
    /// Whether the same boundary may succeed if it is run again, now or a little later. If nothing was committed, a
    /// boundary with [`retry`](crate::Retry) is run again by itself.
    pub retryable: bool,
    /// How to recover.
    pub recovery: Recovery,
    /// The SQLSTATE, if the database reports one. SQLite has none.
    pub sqlstate: Option<&'e str>,
    /// What becomes of the connection on which it happened.
    pub(crate) fate: Fate,
    origin: Origin<'e>,
}

/// The schema names that an error mentions.
#[derive(Clone, Copy, Default)]
pub(crate) struct Names<'e> {
    pub(crate) constraint: Option<&'e str>,
    pub(crate) table: Option<&'e str>,
    pub(crate) column: Option<&'e str>,
    /// All columns, in SQLite's notation: `orders.sku, orders.shop`.
    pub(crate) columns: Option<&'e str>,
}

/// Classifies an error of sqlx.
///
/// A [`demarcate::Error`](crate::Error) that travels inside it is found and classified. A call takes less than 100 ns
/// (`cargo bench -p demarcate-benches --bench classify`).
pub fn classify(error: &sqlx::Error) -> Classification<'_> {
    use sqlx::Error as E;
    let verdict = match error {
        E::Database(database) => return Classification::of_database(&**database),
        E::RowNotFound => words::NOT_FOUND,
        E::Protocol(message) if is_wrong_number_of_arguments(message) => words::QUERY.lost(),
        E::Protocol(message) if is_refused_by_sqlite(message) => words::QUERY,
        E::Io(error) if is_wrong_server(error) => words::RESTART,
        E::Io(error) if is_refused_handshake(error) => words::NO_SUCH_SERVER,
        E::Io(_) | E::Protocol(_) | E::WorkerCrashed | E::PoolClosed => words::CONNECTION,
        E::Tls(_) => words::NO_SUCH_SERVER,
        E::PoolTimedOut => words::POOL_TIMEOUT,
        E::Encode(_) => words::DATA,
        E::Configuration(_)
        | E::InvalidArgument(_)
        | E::TypeNotFound { .. }
        | E::ColumnIndexOutOfBounds { .. }
        | E::ColumnNotFound(_)
        | E::ColumnDecode { .. }
        | E::Decode(_)
        | E::AnyDriverError(_) => words::QUERY,
        E::InvalidSavePointStatement | E::BeginFailed => words::STATE,
        _ => words::UNKNOWN,
    };
    verdict.into()
}

/// Whether the certificate of one side was refused by the other. rustls has such an error inside one of I/O.
fn is_refused_handshake(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
        && CertificateFault::find(&error.to_string()).is_some()
}

/// Whether sqlx 0.9 has refused a statement that has more arguments than a statement can have, or another number of them
/// than this one. On MySQL it waits for an answer after that, so the connection cannot be used again.
fn is_wrong_number_of_arguments(message: &str) -> bool {
    message.contains("too many arguments for query")
        || (message.starts_with("prepared statement expected ")
            && message.contains(" were provided"))
}

/// Whether sqlx 0.9 has refused a text before it reached SQLite: a parameter in a form that it does not bind, or too long.
fn is_refused_by_sqlite(message: &str) -> bool {
    message.contains("unsupported SQL parameter format")
        || message.contains("parameters with non-integer names are not")
        || message.contains("query string must be smaller than")
}

/// Classifies a bare code: a SQLSTATE, or a code of PostgREST such as `PGRST116`.
///
/// ```
/// use demarcate::classify::{Category, Transaction, classify_code};
///
/// assert_eq!(classify_code("40001").category, Category::Transaction(Transaction::Serialization));
/// assert_eq!(classify_code("PGRST116").category, Category::NotFound);
/// assert_eq!(classify_code("what").category, Category::Unknown);
/// ```
pub fn classify_code(code: &str) -> Classification<'_> {
    let verdict = sqlstate::of(code);
    Classification {
        sqlstate: verdict.map(|_| code),
        ..verdict
            .or_else(|| postgrest::of(code))
            .unwrap_or(words::UNKNOWN)
            .into()
    }
}

impl<'e> Classification<'e> {
    fn of_database(error: &'e dyn DatabaseError) -> Self {
        if let Some(carried) = Envelope::peek(error) {
            return carried.classification();
        }
        let origin = Origin::of(error);
        let (verdict, sqlstate) = origin.verdict();
        let found = Self {
            sqlstate,
            origin,
            ..verdict.into()
        };
        // A code that only the application knows stands for a rule of the application.
        if found.category == Category::Unknown && found.registered().is_some() {
            return Self {
                sqlstate,
                origin,
                ..words::CONSTRAINT.into()
            };
        }
        found
    }

    /// Returns what is [registered](crate::messages) for the error.
    fn registered(&self) -> Option<message::Registered> {
        message::registered_for(self.category, self.origin.names(), self.codes())
    }

    fn codes(&self) -> message::Codes<'e> {
        message::Codes {
            sqlstate: self.sqlstate,
            number: self.origin.number(),
        }
    }

    /// Returns the HTTP status that is [registered](crate::messages) for the error.
    pub(crate) fn registered_status(&self) -> Option<u16> {
        self.registered()?.status
    }

    /// The violated constraint, if the database names it. SQLite names none for a unique column.
    #[must_use]
    pub fn constraint(&self) -> Option<&'e str> {
        self.origin.names().constraint
    }

    /// The table, if the database names it.
    #[must_use]
    pub fn table(&self) -> Option<&'e str> {
        self.origin.names().table
    }

    /// The column, if the database names exactly one.
    #[must_use]
    pub fn column(&self) -> Option<&'e str> {
        self.origin.names().column
    }

    /// PostgreSQL's detail text, with `?` in place of quoted values. `None` if the text may quote a value in an unknown
    /// position.
    #[must_use]
    pub fn detail(&self) -> Option<Cow<'e, str>> {
        self.origin.detail()
    }

    /// PostgreSQL's hint.
    #[must_use]
    pub fn hint(&self) -> Option<&'e str> {
        self.origin.hint()
    }

    /// The meaning in a boundary that is read-only or not: that nothing can be written is the program's mistake in a
    /// read-only one, and passes in any other.
    pub(crate) fn in_boundary(self, is_read_only: bool) -> Self {
        if !(is_read_only && self.refuses_write()) {
            return self;
        }
        Self {
            retryable: false,
            recovery: Recovery::ContactAdministrator,
            fate: Fate::Usable,
            ..self
        }
    }

    /// Whether the outcome is open of a commit that fails with this error.
    pub(crate) fn leaves_outcome_open(&self) -> bool {
        self.fate == Fate::Lost || self.category == Category::UnknownOutcome
    }

    /// Whether the database refused a statement because it would have written.
    pub(crate) fn refuses_write(&self) -> bool {
        self.origin.refuses_write()
    }

    /// Whether the database runs the statement outside a transaction only.
    pub(crate) fn runs_outside_only(&self) -> bool {
        self.origin.runs_outside_only()
    }

    /// Whether the database's own text quotes a value of the statement and should therefore stay out of logs. No method
    /// of this type returns such a value.
    #[must_use]
    pub fn value_present(&self) -> bool {
        self.origin.quotes_value()
    }

    /// A sentence for the end user: the text [registered](crate::messages) for the constraint or the code, or a sentence
    /// built from the names of the table and the column. It contains no SQL, no value and no host.
    #[must_use]
    pub fn user_message(&self) -> Cow<'static, str> {
        message::of(self.category, self.origin.names(), self.codes())
    }
}

impl From<Advice> for Classification<'_> {
    fn from(verdict: Advice) -> Self {
        Self {
            category: verdict.category,
            retryable: verdict.retryable,
            recovery: verdict.recovery,
            fate: verdict.fate,
            sqlstate: None,
            origin: Origin::Nothing,
        }
    }
}

impl fmt::Debug for Classification<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classification")
            .field("category", &self.category)
            .field("retryable", &self.retryable)
            .field("recovery", &self.recovery)
            .field("sqlstate", &self.sqlstate)
            .field("constraint", &self.constraint())
            .field("table", &self.table())
            .field("column", &self.column())
            .field("value_present", &self.value_present())
            .finish()
    }
}
