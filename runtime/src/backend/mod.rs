//! Backends: the traits for everything that differs between PostgreSQL, MySQL and SQLite, and their implementations.
//!
//! Each database implements the traits of this module in the file of its name. Everything else in this crate is the
//! same for all of them.

pub(crate) mod connect;
pub(crate) mod diagnosis;
pub(crate) mod execute;
pub(crate) mod forward;
#[cfg(feature = "migrate")]
pub(crate) mod migrate;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "postgres")]
mod postgres;
pub(crate) mod query;
pub(crate) mod sealed;
#[cfg(feature = "sqlite")]
mod sqlite;
pub(crate) mod transact;

use crate::error::Error;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) use connect::Connect;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) use execute::Execute;
pub(crate) use execute::Step;
#[cfg(all(
    feature = "migrate",
    any(feature = "sqlite", feature = "postgres", feature = "mysql")
))]
pub(crate) use migrate::Migrate;
#[cfg(feature = "migrate")]
use migrate::Migrate as Whole;
#[cfg(not(feature = "migrate"))]
use transact::Transact as Whole;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) use transact::Transact;
pub(crate) use transact::{BeginReply, CommitFailure, Recognition};

/// A database that boundaries can be opened on: `sqlx::Postgres`, `sqlx::MySql` and `sqlx::Sqlite`, each
/// behind the feature of its name.
///
/// It cannot be implemented outside this crate, and its methods are not for use there: each of them
/// reaches the connection below the session.
pub trait Backend: Whole + sealed::Sealed {}

/// Returns the error of a boundary or a factory that could not connect, with the advice of [`Backend::diagnose`].
pub(crate) fn connect_error<DB: Backend>(source: sqlx::Error) -> Error {
    let advice = DB::diagnose(&source).advice;
    Error::connect(source, advice)
}
