//! PostgreSQL.

use std::fmt::Write as _;

use demarcate_sql::Dialect;
use futures_core::future::BoxFuture;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, SqlSafeStr, SqlStr};

use crate::backend::{Backend, CommitFailure, hand_on_to_the_connection, sealed};
use crate::error::Error;
use crate::options::TxOptions;

/// A session of PostgreSQL.
pub type Session = crate::Session<Postgres>;

/// A session factory for PostgreSQL.
pub type SessionFactory = crate::SessionFactory<Postgres>;

impl sealed::Sealed for Postgres {}

impl Backend for Postgres {
    const TITLE: &'static str = "PostgreSQL";
    const URL_FORM: &'static str = "postgres://user:password@host:5432/database";
    const PREPARES: bool = true;
    const DIALECT: Dialect = Dialect::Postgres;

    fn check(_: &TxOptions) -> Result<(), Error> {
        Ok(())
    }

    fn begin(options: &TxOptions) -> SqlStr {
        if options.isolation.is_none() && !options.read_only {
            return "BEGIN".into_sql_str();
        }
        let mut sql = String::from("BEGIN");
        if let Some(isolation) = options.isolation {
            // Writing to a `String` cannot fail.
            let _ = write!(sql, " ISOLATION LEVEL {}", isolation.as_sql());
        }
        if options.read_only {
            sql.push_str(" READ ONLY");
        }
        if options.deferrable {
            sql.push_str(" DEFERRABLE");
        }
        AssertSqlSafe(sql).into_sql_str()
    }

    /// The server answers COMMIT in a failed transaction with ROLLBACK, and sqlx 0.9 takes that for
    /// success. SAVEPOINT fails where there is no transaction that could be committed: with 25P02 in a
    /// failed one, with 25P01 outside any. The text is one message, and ends at the first error.
    fn commit(_: &TxOptions) -> SqlStr {
        "SAVEPOINT demarcate_commit; COMMIT".into_sql_str()
    }

    fn roll_back(
        connection: &mut PgConnection,
        _: TxOptions,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move { Self::run(connection, "ROLLBACK".into_sql_str()).await })
    }

    fn settle(connection: &mut PgConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move {
            // The answer to what was dropped is read here. Where it is an error, sqlx stops at it, with
            // the rest still to be read.
            match connection.ping().await {
                Err(sqlx::Error::Database(_)) => connection.ping().await,
                other => other,
            }
        })
    }

    fn is_connection_lost(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) => true,
            // Class 08 is "connection exception". 57P01 to 57P05 are shutdown, crash, "cannot connect
            // now", a dropped database, and a session that was idle for too long; 25P03 one that was
            // idle in a transaction.
            sqlx::Error::Database(error) => error.code().is_some_and(|code| {
                code.starts_with("08") || code.starts_with("57P") || code == "25P03"
            }),
            _ => false,
        }
    }

    fn commit_failure(error: &sqlx::Error) -> CommitFailure {
        match error {
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("25P01" | "25P02") => CommitFailure::NotOpen,
                // statement_completion_unknown
                Some("40003") => CommitFailure::Unknown,
                // The session had been idle in its transaction for too long before COMMIT arrived.
                Some("25P03") => CommitFailure::Refused,
                _ if Self::is_connection_lost(error) => CommitFailure::Unknown,
                _ => CommitFailure::Refused,
            },
            _ => CommitFailure::Unknown,
        }
    }

    fn fetch_optional<'e>(
        connection: &'e mut PgConnection,
        statement: crate::statement::Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<sqlx::postgres::PgRow>, sqlx::Error>> {
        // sqlx reads the answer to its end.
        sqlx::Executor::fetch_optional(connection, statement)
    }

    hand_on_to_the_connection!();
}
