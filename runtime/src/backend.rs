//! What differs between the databases.
//!
//! One implementation a database, in [`postgres`](crate::postgres), [`mysql`](crate::mysql) and
//! [`sqlite`](crate::sqlite). Everything else in this crate is the same for all of them.

use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use futures_util::TryStreamExt;
use sqlx::error::DatabaseError;
use sqlx::{Database, Either, SqlStr};

use demarcate_sql::Dialect;

use crate::cause::Diagnosis;
use crate::error::Error;
use crate::options::{Isolation, TxOptions};
use crate::settings::{FromSettings, Options, Pooler};
use crate::statement::Statement;

/// What a statement gives, row by row.
pub(crate) type Step<DB> = Either<<DB as Database>::QueryResult, <DB as Database>::Row>;

/// A database that boundaries can be opened on: `sqlx::Postgres`, `sqlx::MySql` and `sqlx::Sqlite`, each
/// behind the feature of its name.
///
/// It cannot be implemented outside this crate, and its methods are not for use there: each of them
/// reaches the connection below the session.
pub trait Backend: Database + sealed::Sealed + FromSettings {
    /// What to look at where no connection can be made, and nothing more is known of why.
    #[doc(hidden)]
    const CONNECT_ADVICE: &'static str = "is the server running, and does the URL give its host, port, user, \
                                          password and database?";

    /// How to read its SQL.
    #[doc(hidden)]
    const DIALECT: Dialect;

    /// How long a rollback may take before its connection is closed instead. It waits for a statement
    /// that still runs, which closing the connection ends on a server, sooner or later.
    #[doc(hidden)]
    const ROLLBACK_LIMIT: Option<Duration> = Some(Duration::from_secs(5));

    /// Whether a connection is closed on which something outlives the transaction.
    #[doc(hidden)]
    const CLOSES_TAINTED: bool = true;

    /// The isolation level of a transaction for which none was asked, unless the server was set otherwise.
    #[doc(hidden)]
    const DEFAULT_ISOLATION: Isolation;

    /// Whether a statement's timeout is kept by the server. Otherwise it is the session that stops it.
    #[doc(hidden)]
    const TIMES_STATEMENTS: bool;

    /// How many savepoints of one transaction the server keeps track of cheaply.
    #[doc(hidden)]
    const MOST_SAVEPOINTS: Option<u64> = None;

    /// What is fitted to a connection once, when it is made.
    #[doc(hidden)]
    type Fitting: Send + Sync + 'static;

    /// Fits it.
    #[doc(hidden)]
    fn fit(
        connection: &mut Self::Connection,
        pooler: Pooler,
    ) -> BoxFuture<'_, Result<Self::Fitting, sqlx::Error>>;

    /// Whether a connection is of use only while the runtime lives that it was made on.
    #[doc(hidden)]
    const LIVES_WITH_RUNTIME: bool = true;

    /// Whether there are poolers for its connections.
    #[doc(hidden)]
    const HAS_POOLERS: bool = false;

    /// The pooler that the options show.
    #[doc(hidden)]
    fn pooler(_options: &Options<Self>) -> Pooler {
        Pooler::None
    }

    /// The options without what a pooler refuses.
    #[doc(hidden)]
    fn behind(options: Options<Self>, _pooler: Pooler) -> Options<Self> {
        options
    }

    /// The options with the program's name, as the server's own views show it.
    #[doc(hidden)]
    fn named(_options: Options<Self>, _application_name: &str) -> Result<Options<Self>, Error> {
        Err(Error::unsupported(
            Self::TITLE,
            "name of a connection",
            "leave `application_name` out; `sql_comments` names the program on each statement",
        ))
    }

    /// What removes all that a transaction may have left on the server's session.
    #[doc(hidden)]
    const SWEEP: &'static str = "";

    /// Diagnoses an error of the database that keeps every connection from being made, or every transaction from
    /// being begun. `None` for any other error.
    #[doc(hidden)]
    fn refusal(error: &dyn DatabaseError) -> Option<Diagnosis>;

    /// Diagnoses why a connection could not be made.
    #[doc(hidden)]
    fn diagnose(error: &sqlx::Error) -> Diagnosis {
        Diagnosis::of(error, Self::CONNECT_ADVICE, Self::refusal)
    }

    /// Looks for what a connection can be made without.
    #[doc(hidden)]
    fn prove(_connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Refuses what this database cannot honour.
    #[doc(hidden)]
    fn check(options: &TxOptions) -> Result<(), Error>;

    /// How many connections a pool may have to the database that these options name.
    #[doc(hidden)]
    fn most_connections(_options: &Options<Self>, asked: usize) -> usize {
        asked
    }

    /// Whether the database is gone when its connection is closed.
    #[doc(hidden)]
    fn is_lost_with_its_connection(_options: &Options<Self>) -> bool {
        false
    }

    /// Begins a transaction, all options included, in one round trip.
    #[doc(hidden)]
    fn begin(options: &TxOptions, fitting: &Self::Fitting) -> SqlStr;

    /// What the answer to the begin says, given its first row.
    #[doc(hidden)]
    fn begun(row: Option<Self::Row>) -> Result<Begun, sqlx::Error>;

    /// Commits, in one round trip that fails if the transaction is not the one that was begun.
    #[doc(hidden)]
    fn commit(options: &TxOptions, fitting: &Self::Fitting) -> SqlStr;

    /// Ends the transaction of a connection that is [settled](Self::settle), whether or not one is open.
    ///
    /// `Ok` means that the connection is outside any transaction, with no answer outstanding.
    #[doc(hidden)]
    fn roll_back<'c>(
        connection: &'c mut Self::Connection,
        options: &TxOptions,
        fitting: &Self::Fitting,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>>;

    /// Stops the statement that runs on the connection. Where it takes another connection to do so, this
    /// is what that one has to send.
    #[doc(hidden)]
    fn stop(fitting: &Self::Fitting, begun: &Begun) -> Option<SqlStr>;

    /// Whether the answer to that comes before the connection is gone.
    #[doc(hidden)]
    const STOPS_LATER: bool = false;

    /// Whether the answer to that is that there is no such connection.
    #[doc(hidden)]
    fn is_gone(_error: &sqlx::Error) -> bool {
        false
    }

    /// Lets statements run again after a [stop](Self::stop).
    #[doc(hidden)]
    fn resume(_fitting: &Self::Fitting) {}

    /// Asks what became of a transaction whose commit had no answer. Only where
    /// [`check`](Self::check) lets `confirm_commit` pass.
    #[doc(hidden)]
    fn ask_outcome(_transaction: &str) -> SqlStr {
        unreachable!("`confirm_commit` was refused")
    }

    /// What the answer says: committed, or not, or not yet decided.
    #[doc(hidden)]
    fn outcome(_row: Option<Self::Row>) -> Result<Option<bool>, sqlx::Error> {
        Ok(None)
    }

    /// Makes the connection ready for the next statement after the future of one was dropped.
    #[doc(hidden)]
    fn settle(connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// Whether an error says that the connection is gone.
    #[doc(hidden)]
    fn is_connection_lost(error: &sqlx::Error) -> bool;

    /// Whether the same transaction, run again, may succeed: another stood in its way, and nothing of it
    /// was kept. A lost connection is one such case as long as no commit was sent on it.
    #[doc(hidden)]
    fn may_succeed_again(error: &sqlx::Error) -> bool;

    /// What an error at commit says of the transaction.
    #[doc(hidden)]
    fn commit_failure(error: &sqlx::Error) -> CommitFailure;

    /// Whether preparing a statement is a round trip of its own.
    #[doc(hidden)]
    const PREPARES: bool;

    /// How many statements the connection keeps that took such a round trip.
    #[doc(hidden)]
    fn prepared(connection: &Self::Connection) -> usize;

    /// How many rows a statement changed.
    #[doc(hidden)]
    fn affected(result: &Self::QueryResult) -> u64;

    /// What keeps others from migrating meanwhile, where the migrator's own lock does not.
    #[cfg(feature = "migrate")]
    #[doc(hidden)]
    const MIGRATION_LOCK: Option<&'static str> = None;

    /// [`Migrator::run`](sqlx::migrate::Migrator::run) on the connection.
    #[cfg(feature = "migrate")]
    #[doc(hidden)]
    fn migrate<'e>(
        connection: &'e mut Self::Connection,
        migrations: &'e sqlx::migrate::Migrator,
    ) -> BoxFuture<'e, Result<(), sqlx::migrate::MigrateError>>;

    /// Runs SQL text that takes no arguments and is not prepared.
    #[doc(hidden)]
    fn run(
        connection: &mut Self::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// The same, for the first row of what it gives.
    #[doc(hidden)]
    fn run_for_row(
        connection: &mut Self::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'_, Result<Option<Self::Row>, sqlx::Error>>;

    /// [`Executor::fetch_many`](sqlx::Executor::fetch_many) of the connection.
    #[doc(hidden)]
    fn fetch_many<'e>(
        connection: &'e mut Self::Connection,
        statement: Statement<Self>,
    ) -> BoxStream<'e, Result<Step<Self>, sqlx::Error>>;

    /// [`Executor::fetch_optional`](sqlx::Executor::fetch_optional) of the connection.
    #[doc(hidden)]
    fn fetch_optional<'e>(
        connection: &'e mut Self::Connection,
        statement: Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<Self::Row>, sqlx::Error>>;

    /// [`Executor::prepare_with`](sqlx::Executor::prepare_with) of the connection.
    #[doc(hidden)]
    fn prepare_with<'e>(
        connection: &'e mut Self::Connection,
        sql: SqlStr,
        parameters: &'e [Self::TypeInfo],
    ) -> BoxFuture<'e, Result<Self::Statement, sqlx::Error>>;

    /// [`Executor::describe`](sqlx::Executor::describe) of the connection.
    #[doc(hidden)]
    fn describe<'e>(
        connection: &'e mut Self::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<sqlx::Describe<Self>, sqlx::Error>>;
}

/// What an error at commit says of the transaction.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitFailure {
    /// There was no transaction that could be committed.
    NotOpen,
    /// The database refused it and rolled back.
    Refused,
    /// Nobody can say.
    Unknown,
}

/// What the begin of a transaction told about it.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub struct Begun {
    /// The server's number for the connection, by which another can stop what runs on it.
    pub(crate) process: Option<u64>,
    /// The transaction's id, where the outcome of its commit is to be confirmed.
    pub(crate) transaction: Option<String>,
}

/// The error of a boundary or a factory that could not connect, with the advice of [`Backend::diagnose`].
pub(crate) fn connect_error<DB: Backend>(source: sqlx::Error) -> Error {
    let advice = DB::diagnose(&source).advice;
    Error::connect(source, advice)
}

pub(crate) mod sealed {
    /// Keeps [`Backend`](super::Backend) to this crate.
    pub trait Sealed {}
}

/// The first row of an answer that is read to its end.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) async fn first_row<DB: Database>(
    mut steps: BoxStream<'_, Result<Step<DB>, sqlx::Error>>,
) -> Result<Option<DB::Row>, sqlx::Error> {
    let mut first = None;
    while let Some(step) = steps.try_next().await? {
        if let (Either::Right(row), None) = (step, &first) {
            first = Some(row);
        }
    }
    Ok(first)
}

/// The methods of [`Backend`] that hand on to the connection's own [`Executor`](sqlx::Executor).
///
/// They cannot be default methods: `for<'c> &'c mut Self::Connection: Executor<'c>` would then have to
/// be repeated at every use of the trait.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! hand_on_to_the_connection {
    () => {
        fn prepared(connection: &Self::Connection) -> usize {
            if Self::PREPARES {
                ::sqlx::Connection::cached_statements_size(connection)
            } else {
                0
            }
        }

        fn affected(result: &Self::QueryResult) -> u64 {
            result.rows_affected()
        }

        #[cfg(feature = "migrate")]
        fn migrate<'e>(
            connection: &'e mut Self::Connection,
            migrations: &'e ::sqlx::migrate::Migrator,
        ) -> ::futures_core::future::BoxFuture<'e, Result<(), ::sqlx::migrate::MigrateError>>
        {
            // What `Migrator::run` calls. Of `run` itself the compiler cannot tell that it is `Send` ("implementation of
            // `Acquire` is not general enough"), which is why sqlx has this one public, though hidden.
            Box::pin(migrations.run_direct(None, connection, false))
        }

        fn run(
            connection: &mut Self::Connection,
            sql: ::sqlx::SqlStr,
        ) -> ::futures_core::future::BoxFuture<'_, Result<(), ::sqlx::Error>> {
            let done = ::sqlx::Executor::execute(connection, sql);
            Box::pin(async move { done.await.map(drop) })
        }

        fn run_for_row(
            connection: &mut Self::Connection,
            sql: ::sqlx::SqlStr,
        ) -> ::futures_core::future::BoxFuture<'_, Result<Option<Self::Row>, ::sqlx::Error>> {
            Box::pin($crate::backend::first_row::<Self>(
                ::sqlx::Executor::fetch_many(connection, sql),
            ))
        }

        fn fetch_many<'e>(
            connection: &'e mut Self::Connection,
            statement: $crate::statement::Statement<Self>,
        ) -> ::futures_core::stream::BoxStream<
            'e,
            Result<$crate::backend::Step<Self>, ::sqlx::Error>,
        > {
            ::sqlx::Executor::fetch_many(connection, statement)
        }

        fn prepare_with<'e>(
            connection: &'e mut Self::Connection,
            sql: ::sqlx::SqlStr,
            parameters: &'e [Self::TypeInfo],
        ) -> ::futures_core::future::BoxFuture<'e, Result<Self::Statement, ::sqlx::Error>> {
            ::sqlx::Executor::prepare_with(connection, sql, parameters)
        }

        fn describe<'e>(
            connection: &'e mut Self::Connection,
            sql: ::sqlx::SqlStr,
        ) -> ::futures_core::future::BoxFuture<'e, Result<::sqlx::Describe<Self>, ::sqlx::Error>>
        {
            ::sqlx::Executor::describe(connection, sql)
        }
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) use hand_on_to_the_connection;
