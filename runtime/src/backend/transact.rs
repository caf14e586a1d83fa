//! Begins, commits, rolls back and stops: what differs between databases inside a transaction.

use std::time::Duration;

use futures_core::future::BoxFuture;
use sqlx::SqlStr;

use super::connect::Connect;
use crate::error::Error;
use crate::options::effective::Effective;
use crate::options::{Isolation, TxOptions};

/// What differs between databases while a transaction is open.
pub trait Transact: Connect {
    /// The properties of the database on which the session depends.
    const FACTS: TransactionFacts;

    /// The isolation level of a transaction for which none was asked, unless the server was set otherwise.
    const DEFAULT_ISOLATION: Isolation;

    /// What removes all that a transaction may have left on the server's session.
    const SWEEP: &'static str = "";

    /// Refuses what this database cannot honour.
    fn check(options: &TxOptions) -> Result<(), Error>;

    /// Begins a transaction, all options included, in one round trip.
    fn begin(options: &Effective, fitting: &Self::Fitting) -> SqlStr;

    /// What the answer to the begin says, given its first row.
    fn begun(row: Option<Self::Row>) -> Result<Begun, sqlx::Error>;

    /// Commits, in one round trip that fails if the transaction is not the one that was begun.
    fn commit(options: &Effective, fitting: &Self::Fitting) -> SqlStr;

    /// Ends the transaction of a connection that is [settled](Self::settle), whether or not one is open.
    ///
    /// `Ok` means that the connection is outside any transaction, with no answer outstanding.
    fn roll_back<'c>(
        connection: &'c mut Self::Connection,
        options: &Effective,
        fitting: &Self::Fitting,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>>;

    /// Stops the statement that runs on the connection. Where it takes another connection to do so, this
    /// is what that one has to send.
    fn stop(fitting: &Self::Fitting, begun: &Begun) -> Option<SqlStr>;

    /// Whether the answer to that is that there is no such connection.
    fn is_gone(_error: &sqlx::Error) -> bool {
        false
    }

    /// Lets statements run again after a [stop](Self::stop).
    fn resume(_fitting: &Self::Fitting) {}

    /// Asks what became of a transaction whose commit had no answer. Only where
    /// [`check`](Self::check) lets `confirm_commit` pass.
    fn ask_outcome(_transaction: &str) -> Option<SqlStr> {
        None
    }

    /// What the answer says: committed, or not, or not yet decided.
    fn outcome(_row: Option<Self::Row>) -> Result<Option<bool>, sqlx::Error> {
        Ok(None)
    }

    /// Makes the connection ready for the next statement after the future of one was dropped.
    fn settle(connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// Whether the same transaction, run again, may succeed: another stood in its way, and nothing of it
    /// was kept. A lost connection is one such case as long as no commit was sent on it.
    fn may_succeed_again(error: &sqlx::Error) -> bool;

    /// What an error at commit says of the transaction.
    fn commit_failure(error: &sqlx::Error) -> CommitFailure;
}

/// The properties of a database on which the session depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionFacts {
    /// Whether the server enforces `statement_timeout`. Otherwise the session stops the statement.
    pub enforces_statement_timeout: bool,
    /// Whether a connection is closed if something outlives the transaction on its session.
    pub closes_tainted: bool,
    /// The number of savepoints in one transaction that the server tracks cheaply.
    pub cheap_savepoints: Option<u64>,
    /// Whether the order to stop a statement is answered before the connection is gone, so that it has to be
    /// repeated until the server no longer knows the connection.
    pub stops_later: bool,
    /// The time after which a rollback is given up and its connection closed. A rollback waits for a statement that
    /// still runs, which closing the connection ends on a server, sooner or later.
    pub rollback_limit: Option<Duration>,
    /// Whether a connection is of use only while the runtime lives that it was made on.
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
        rollback_limit: Some(Duration::from_secs(5)),
        lives_with_runtime: true,
    };
}

/// What an error at commit says of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFailure {
    /// There was no transaction that could be committed.
    NotOpen,
    /// The database refused the commit and rolled back.
    Refused,
    /// The outcome is not known.
    Unknown,
}

/// What the answer to the begin of a transaction tells about it.
#[derive(Clone, Debug, Default)]
pub struct Begun {
    /// The server's number for the connection, by which another can stop what runs on it.
    pub(crate) process: Option<u64>,
    /// The transaction's id, if the outcome of its commit is to be confirmed.
    pub(crate) transaction: Option<String>,
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
            rollback_limit: None,
            lives_with_runtime: false,
        };
        assert_eq!(sqlx::Sqlite::FACTS, sqlite);
    }
}
