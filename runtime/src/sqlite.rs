//! SQLite.

use std::time::Duration;

use demarcate_sql::Dialect;
use futures_core::future::BoxFuture;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection, SqlSafeStr, SqlStr, Sqlite, SqliteConnection};

use crate::backend::{Backend, CommitFailure, first_row, hand_on_to_the_connection, sealed};
use crate::error::Error;
use crate::options::{Isolation, TxOptions};
use crate::statement::Statement;

/// A session of SQLite.
pub type Session = crate::Session<Sqlite>;

/// A session factory for SQLite.
pub type SessionFactory = crate::SessionFactory<Sqlite>;

impl sealed::Sealed for Sqlite {}

impl Backend for Sqlite {
    const TITLE: &'static str = "SQLite";
    const URL_FORM: &'static str = "sqlite://path/to/file.db";
    const CONNECT_ADVICE: &'static str = "does its folder exist, and may the file be written? `?mode=rwc` at the end of the URL creates the file";
    const PREPARES: bool = false;
    const DIALECT: Dialect = Dialect::Sqlite;

    /// The statement runs in this process, on the connection's own thread: closing the connection would
    /// not end it, and would be the end of a database in memory.
    const ROLLBACK_LIMIT: Option<Duration> = None;

    /// For the same reason.
    const CLOSES_TAINTED: bool = false;

    fn check(options: &TxOptions) -> Result<(), Error> {
        match options.isolation {
            None | Some(Isolation::Serializable) => {}
            Some(_) => {
                return Err(Error::unsupported(
                    Self::TITLE,
                    "weaker isolation than serializable",
                    "leave `isolation` out, or write `isolation = Serializable`: every transaction of SQLite is",
                ));
            }
        }
        if options.deferrable {
            return Err(Error::unsupported(
                Self::TITLE,
                "`deferrable`",
                "leave it out: a read-only transaction never fails to serialize there",
            ));
        }
        Ok(())
    }

    /// A database in memory lives as long as its connection, and a second connection has a database of
    /// its own, or sees locks that no busy timeout waits for.
    fn most_connections(options: &SqliteConnectOptions, asked: usize) -> usize {
        if is_of_one_connection(options) {
            1
        } else {
            asked
        }
    }

    /// IMMEDIATE takes the write lock at once. A deferred transaction that reads and then writes fails
    /// with SQLITE_BUSY wherever another wrote in between, whatever the busy timeout, since waiting
    /// could not help it: <https://www.sqlite.org/lang_transaction.html>.
    fn begin(options: &TxOptions) -> SqlStr {
        if options.read_only {
            "PRAGMA query_only = 1; BEGIN".into_sql_str()
        } else {
            "BEGIN IMMEDIATE".into_sql_str()
        }
    }

    /// COMMIT outside a transaction is an error of SQLite's own.
    fn commit(options: &TxOptions) -> SqlStr {
        if options.read_only {
            "COMMIT; PRAGMA query_only = 0".into_sql_str()
        } else {
            "COMMIT".into_sql_str()
        }
    }

    fn roll_back(
        connection: &mut SqliteConnection,
        options: TxOptions,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move {
            if options.read_only {
                Self::run(connection, "PRAGMA query_only = 0".into_sql_str()).await?;
            }
            match Self::run(connection, "ROLLBACK".into_sql_str()).await {
                Err(error) if is_outside_transaction(&error) => Ok(()),
                other => other,
            }
        })
    }

    fn settle(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        // What was dropped half-way is before us in the queue of the connection's own thread.
        Box::pin(connection.ping())
    }

    fn is_connection_lost(error: &sqlx::Error) -> bool {
        matches!(error, sqlx::Error::WorkerCrashed)
    }

    fn commit_failure(error: &sqlx::Error) -> CommitFailure {
        match error {
            error if is_outside_transaction(error) => CommitFailure::NotOpen,
            sqlx::Error::Database(_) => CommitFailure::Refused,
            _ => CommitFailure::Unknown,
        }
    }

    fn fetch_optional<'e>(
        connection: &'e mut SqliteConnection,
        statement: Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<sqlx::sqlite::SqliteRow>, sqlx::Error>> {
        // sqlx stops at the first row, and does not run what stands behind it in the same text.
        Box::pin(first_row::<Self>(Self::fetch_many(connection, statement)))
    }

    hand_on_to_the_connection!();
}

/// In memory, or in a temporary file: <https://www.sqlite.org/inmemorydb.html>.
fn is_of_one_connection(options: &SqliteConnectOptions) -> bool {
    let name = options.get_filename().to_string_lossy();
    name.is_empty()
        || name == ":memory:"
        || (name.starts_with("file:") && (name.contains(":memory:") || name.contains("mode=memory")))
        // sqlx 0.9 has no accessor for this, and its `to_url_lossy` panics for such a database.
        || format!("{options:?}").contains("in_memory: true")
}

/// SQLite gives its plain error code for this, so that only the text tells it apart:
/// `OP_AutoCommit` in <https://www.sqlite.org/src/file/src/vdbe.c>.
fn is_outside_transaction(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.message().ends_with("no transaction is active"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_in_memory_has_one_connection() {
        let most = |url: &str| Sqlite::most_connections(&url.parse().unwrap(), 10);
        assert_eq!(most("sqlite::memory:"), 1);
        assert_eq!(most("sqlite://shared?mode=memory"), 1);
        assert_eq!(most("sqlite://"), 1);
        assert_eq!(most("sqlite://orders.db?mode=rwc"), 10);
        let most = |options: SqliteConnectOptions| Sqlite::most_connections(&options, 10);
        assert_eq!(most(SqliteConnectOptions::new()), 1);
        assert_eq!(
            most(SqliteConnectOptions::new().filename("file:x?mode=memory")),
            1
        );
        assert_eq!(most(SqliteConnectOptions::new().filename("orders.db")), 10);
    }
}
