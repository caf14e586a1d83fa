//! What an error of the database means, and what can be done about it.
//!
//! [`classify`] reads an error of sqlx, [`Error::classification`](crate::Error::classification) one of ours, [`classify_code`] a bare code.
//! All three go by codes: the text of a message, which may be in any language, decides only where a code means
//! several things, and then only what is always said in English. `docs/errors.md` lists every code.
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
mod origin;
mod postgrest;
mod redacted;
pub(crate) mod replay;
mod snapshot;
#[cfg(any(feature = "sqlite", test))]
mod sqlite;
mod sqlstate;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use sqlx::error::DatabaseError;

use category::Verdict;
use origin::Origin;

pub(crate) use category::words;
pub use category::{Category, Constraint, Recovery, Timeout, Transaction};
pub(crate) use envelope::{Classified, Envelope};
pub use message::register;
pub(crate) use redacted::Redacted;
pub(crate) use snapshot::copy_of;

/// What an error means, and what can be done about it.
///
/// It borrows the error. What costs a search in the error's fields is a method.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Classification<'e> {
    /// What kind of failure it is.
    pub category: Category,
    /// Whether the same boundary may succeed if it is simply run again, now or a little later.
    pub retryable: bool,
    /// What can be done about it.
    pub recovery: Recovery,
    /// The SQLSTATE, where the database gives one. SQLite has none.
    pub sqlstate: Option<&'e str>,
    /// Whether the boundary's `retry` runs it again by itself.
    replayed: bool,
    origin: Origin<'e>,
}

/// The names in an error.
#[derive(Clone, Copy, Default)]
pub(crate) struct Names<'e> {
    pub(crate) constraint: Option<&'e str>,
    pub(crate) table: Option<&'e str>,
    pub(crate) column: Option<&'e str>,
    /// All of them, as SQLite writes them: `orders.sku, orders.shop`.
    pub(crate) columns: Option<&'e str>,
}

/// What an error of sqlx means.
///
/// An error of ours that travels in one is found. It takes less than 100 ns (`cargo bench -p demarcate-benches --bench
/// classify`).
pub fn classify(error: &sqlx::Error) -> Classification<'_> {
    use sqlx::Error as E;
    let verdict = match error {
        E::Database(database) => return Classification::of_database(&**database),
        E::RowNotFound => words::NOT_FOUND,
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

/// What a bare code means: a SQLSTATE, or one of PostgREST's such as `PGRST116`.
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
        Self {
            sqlstate,
            origin,
            ..verdict.into()
        }
    }

    /// The constraint that is broken, where the database names it. SQLite names none for a unique column.
    #[must_use]
    pub fn constraint(&self) -> Option<&'e str> {
        self.origin.names().constraint
    }

    /// The table, where the database names it.
    #[must_use]
    pub fn table(&self) -> Option<&'e str> {
        self.origin.names().table
    }

    /// The column, where the database names one.
    #[must_use]
    pub fn column(&self) -> Option<&'e str> {
        self.origin.names().column
    }

    /// What PostgreSQL adds to its message, with `?` in place of the values that it quotes. `None` where it might quote
    /// one in a place that is not known.
    #[must_use]
    pub fn detail(&self) -> Option<Cow<'e, str>> {
        self.origin.detail()
    }

    /// What PostgreSQL says can be done.
    #[must_use]
    pub fn hint(&self) -> Option<&'e str> {
        self.origin.hint()
    }

    /// Whether the database's own text quotes a value of the statement, so that it is not for a log. Such a value is
    /// nowhere in this type.
    #[must_use]
    pub fn value_present(&self) -> bool {
        self.origin.quotes_value()
    }

    /// A sentence for the end user: the one that was [registered](crate::messages) for the constraint, or one that is
    /// made of the table's and the column's names. It holds no SQL, no value and no host.
    #[must_use]
    pub fn user_message(&self) -> Cow<'static, str> {
        message::of(self.category, self.origin.names())
    }
}

impl From<Verdict> for Classification<'_> {
    fn from(verdict: Verdict) -> Self {
        Self {
            category: verdict.category,
            retryable: verdict.retryable,
            replayed: verdict.replayed,
            recovery: verdict.recovery,
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
