//! The backend trait for transactions: begin, commit, rollback, and cancelling a statement.

use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx::SqlStr;

use super::connect::Connect;
use crate::error::Error;
use crate::options::effective::Effective;
use crate::options::{Isolation, TxOptions};
use crate::settings::TargetSessionAttrs;

/// The parts of a backend that begin, end and cancel transactions.
pub trait Transact: Connect {
    /// The properties of the database on which the session depends.
    const FACTS: TransactionFacts;

    /// The isolation level of a transaction without the option `isolation`, unless the server is configured otherwise.
    const DEFAULT_ISOLATION: Isolation;

    /// The SQL that removes all state that a transaction may have left on the server's session, inside the transaction.
    const SWEEP: &'static str = "";

    /// The SQL that makes the server's session as good as a new one, outside any transaction. `None` if the database has
    /// none, so that the connection has to be closed instead.
    const RESET: Option<&'static str> = None;

    /// The SQL that asks for the server's number of the connection, outside any transaction: an answer for
    /// [`begun`](Self::begun). `None` if a statement is stopped without it.
    const ASK_PROCESS: Option<&'static str> = None;

    /// Rejects options that this database does not support.
    fn check(options: &TxOptions) -> Result<(), Error>;

    /// Returns the SQL that begins a transaction with all its options in one round trip. Unless `target` is any server, it
    /// also asks the server whether it is of that kind.
    fn begin(options: &Effective, fitting: &Self::Fitting, target: TargetSessionAttrs) -> SqlStr;

    /// Reads the last row of the answer to [`begin`](Self::begin).
    fn begun(row: Option<Self::Row>) -> Result<BeginReply, sqlx::Error>;

    /// Compares the answer to [`begin`](Self::begin) with that of the connection's last transaction.
    fn recognize(_fitting: &Self::Fitting, _begun: &BeginReply) -> Recognition {
        Recognition::AsBefore
    }

    /// Returns the SQL that commits in one round trip, and fails if the transaction is not the one that was begun.
    fn commit(options: &Effective, fitting: &Self::Fitting) -> SqlStr;

    /// Asks whether statements may run in transactions of their own on the connection: each reads as in one at read
    /// committed, commits by itself, and runs on a session that no other client uses. Returns the server's number of the
    /// connection if they may. One round trip.
    fn may_run_alone(
        _connection: &mut Self::Connection,
    ) -> BoxFuture<'_, Result<Option<u64>, sqlx::Error>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    /// The SQL that makes transactions of the session read-only which do not say what they are.
    const READ_ONLY: &'static str = "";

    /// The SQL that takes back [`READ_ONLY`](Self::READ_ONLY), to be put before a [`begin`](Self::begin).
    const WRITE_AGAIN: &'static str = "";

    /// Rolls back the transaction, if one is open, of a connection that is [settled](Self::settle).
    ///
    /// `Ok` means that no transaction is open on the connection and no answer is outstanding.
    fn roll_back<'c>(
        connection: &'c mut Self::Connection,
        options: &Effective,
        fitting: &Self::Fitting,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>>;

    /// Cancels the statement that runs on the connection. If only another connection can do so, returns the SQL that it
    /// has to send.
    fn stop(fitting: &Self::Fitting, begun: &BeginReply) -> Option<SqlStr>;

    /// Whether the error says that the connection to be [stopped](Self::stop) no longer exists.
    fn is_gone(_error: &sqlx::Error) -> bool {
        false
    }

    /// Allows statements to run again after a [stop](Self::stop).
    fn resume(_fitting: &Self::Fitting) {}

    /// Returns the SQL that asks for the outcome of a transaction whose commit was not answered. `None` if
    /// [`check`](Self::check) rejects `confirm_commit`.
    fn ask_outcome(_transaction: &str) -> Option<SqlStr> {
        None
    }

    /// Reads the answer to [`ask_outcome`](Self::ask_outcome): whether the transaction was committed, or `None` if that
    /// is not decided or not known.
    fn outcome(_row: Option<Self::Row>) -> Result<Option<bool>, sqlx::Error> {
        Ok(None)
    }

    /// Makes the connection ready for the next statement after the future of a statement was dropped.
    fn settle(connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// Returns the state of the transaction after an error at commit.
    fn commit_failure(error: &sqlx::Error) -> CommitFailure;
}

/// The properties of a database on which the session depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionFacts {
    /// Whether the server enforces `statement_timeout`. Otherwise the session stops the statement.
    pub enforces_statement_timeout: bool,
    /// Whether a connection is reset or closed if something outlives the transaction on its session.
    pub closes_tainted: bool,
    /// The number of savepoints in one transaction that the server tracks cheaply.
    pub cheap_savepoints: Option<u64>,
    /// Whether the order to stop a statement is answered before the connection is gone, so that it has to be
    /// repeated until the server no longer knows the connection.
    pub stops_later: bool,
    /// The time after which a rollback is given up and its connection closed. A rollback waits for a statement that
    /// still runs, which closing the connection ends on a server, sooner or later.
    pub rollback_limit: Duration,
    /// Whether the server runs a text of several statements to its end although nobody reads their rows.
    pub finishes_unread: bool,
    /// Whether a begin waits for a lock, in this process, where nothing can end the wait.
    pub waits_in_begin: bool,
    /// Whether a statement may run outside an explicit transaction, in one that the server begins and ends.
    pub has_implicit_transactions: bool,
    /// Whether a connection is usable only until the runtime on which it was opened shuts down.
    pub lives_with_runtime: bool,
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
impl TransactionFacts {
    /// The facts of a database behind a network connection, from which each database names its differences.
    pub(crate) const SERVER: Self = Self {
        enforces_statement_timeout: false,
        closes_tainted: true,
        cheap_savepoints: None,
        stops_later: false,
        rollback_limit: Duration::from_secs(5),
        finishes_unread: true,
        waits_in_begin: false,
        has_implicit_transactions: true,
        lives_with_runtime: true,
    };
}

/// The state of a connection at the begin of a transaction, compared with its last transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// The connection is as its last transaction left it.
    AsBefore,
    /// The schema is another: what was prepared on the connection does not fit it.
    NewSchema,
    /// The server's session is another: a pooler lends one for each transaction.
    NewSession,
}

/// The state of a transaction after an error at commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFailure {
    /// There was no transaction that could be committed.
    NotOpen,
    /// The database refused the commit. The transaction may have to be rolled back.
    Refused,
    /// The database refused the commit and has rolled back.
    RolledBack,
    /// The outcome is not known.
    Unknown,
}

/// The answer of the server to the begin of a transaction.
#[derive(Clone, Debug, Default)]
pub struct BeginReply {
    /// The server's number for the connection, which another connection needs to cancel its statement.
    pub(crate) process: Option<u64>,
    /// The transaction's id, if the outcome of its commit is to be confirmed.
    pub(crate) transaction: Option<String>,
    /// The kind of the server in words, if it is not the one that was asked for: `a standby`.
    pub(crate) unwanted: Option<String>,
    /// The version of the schema, as a text that changes with it.
    #[cfg(feature = "sqlite")]
    pub(crate) schema: Option<String>,
}

#[cfg(all(test, feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod tests {
    use super::*;

    #[test]
    fn the_facts_of_each_database_are_these() {
        let table = format!(
            "PostgreSQL {:?}\nMySQL {:?}\nSQLite {:?}",
            sqlx::Postgres::FACTS,
            sqlx::MySql::FACTS,
            sqlx::Sqlite::FACTS
        );
        println!("{table}");
        let postgres = TransactionFacts {
            enforces_statement_timeout: true,
            cheap_savepoints: Some(64),
            ..TransactionFacts::SERVER
        };
        assert_eq!(sqlx::Postgres::FACTS, postgres);
        let mysql = TransactionFacts {
            stops_later: true,
            ..TransactionFacts::SERVER
        };
        assert_eq!(sqlx::MySql::FACTS, mysql);
        let sqlite = TransactionFacts {
            enforces_statement_timeout: false,
            closes_tainted: false,
            cheap_savepoints: None,
            stops_later: false,
            rollback_limit: Duration::from_secs(30),
            finishes_unread: false,
            waits_in_begin: true,
            has_implicit_transactions: false,
            lives_with_runtime: false,
        };
        assert_eq!(sqlx::Sqlite::FACTS, sqlite);
    }
}
