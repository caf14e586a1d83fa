//! The backend for SQLite.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, ready};
use std::time::Duration;

use demarcate_sql::Dialect;
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use sqlx::error::DatabaseError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Connection, Either, Row, SqlSafeStr, SqlStr, Sqlite, SqliteConnection};

use crate::backend::connect::Fitted;
use crate::backend::diagnosis::Diagnosis;
use crate::backend::forward::{first_row, forward_to_connection};
use crate::backend::query::Statement;
use crate::backend::transact::TransactionFacts;
use crate::backend::{
    Backend, BeginReply, CommitFailure, Connect, Execute, Recognition, Step, Transact, sealed,
};
#[cfg(feature = "migrate")]
use crate::backend::{Migrate, forward::forward_to_migrator};
use crate::error::Error;
use crate::options::effective::Effective;
use crate::options::{Isolation, TxOptions};
use crate::settings::{FromSettings, Pooler, TargetSessionAttrs};
use crate::util::lock::lock;

/// The data about a connection to SQLite, and the flag that interrupts its statement.
#[doc(hidden)]
#[derive(Debug)]
pub struct Fitting {
    is_stopped: Arc<AtomicBool>,
    /// The busy timeout from the connect options, in milliseconds.
    busy_timeout: i64,
    /// The query for the version of the schema.
    ask_schema: String,
    /// The version of the schema at the last transaction. `None` before the first.
    schema: Mutex<Option<String>>,
}

impl Fitting {
    /// Whether the connection still has the progress handler that was set with this data.
    fn is_watching(&self) -> bool {
        Arc::strong_count(&self.is_stopped) > 1
    }
}

/// The number of steps of SQLite's virtual machine between two checks whether the statement was cancelled. They take
/// tens of microseconds.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;

/// Returns the SQL that restores the settings that [`begin`](Transact::begin) has changed.
fn restore(options: &Effective, fitting: &Fitting) -> Option<String> {
    let busy_timeout = options.lock_timeout.map(|_| {
        let milliseconds = fitting.busy_timeout;
        format!("PRAGMA busy_timeout = {milliseconds}")
    });
    let query_only = options.is_read_only().then_some("PRAGMA query_only = 0");
    match (busy_timeout, query_only) {
        (Some(busy_timeout), Some(query_only)) => Some(format!("{query_only}; {busy_timeout}")),
        (busy_timeout, query_only) => busy_timeout.or(query_only.map(str::to_owned)),
    }
}

impl sealed::Sealed for Sqlite {}

impl Execute for Sqlite {
    const PREPARES: bool = false;

    const DIALECT: Dialect = Dialect::Sqlite;

    fn fetch_optional<'e>(
        connection: &'e mut SqliteConnection,
        statement: Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<SqliteRow>, sqlx::Error>> {
        // sqlx's own `fetch_optional` stops at the first row, and does not run further statements of the same text.
        Box::pin(first_row::<Self>(Self::fetch_many(connection, statement)))
    }

    /// sqlx's stream just ends if the thread of its connection panics.
    fn fetch_many<'e>(
        connection: &'e mut SqliteConnection,
        statement: Statement<Self>,
    ) -> BoxStream<'e, Result<Step<Self>, sqlx::Error>> {
        let sql = statement.text().clone();
        let steps = sqlx::Executor::fetch_many(connection, statement);
        Box::pin(until_complete(steps, sql))
    }

    /// The connection keeps each statement of the text prepared, and prepares those anew that a change of the schema concerns.
    fn repeated(sql: SqlStr) -> Statement<Self> {
        Statement::kept(sql)
    }

    forward_to_connection!();
}

/// Ends the stream with an error if it ends before each statement of the text has: the thread of the connection is gone,
/// and with it the transaction.
fn until_complete<'e>(
    mut steps: BoxStream<'e, Result<Step<Sqlite>, sqlx::Error>>,
    sql: SqlStr,
) -> impl Stream<Item = Result<Step<Sqlite>, sqlx::Error>> + Send + 'e {
    let (mut completed, mut is_over) = (0_usize, false);
    stream::poll_fn(move |context| {
        if is_over {
            return Poll::Ready(None);
        }
        let step = ready!(steps.poll_next_unpin(context));
        match &step {
            Some(Ok(Either::Left(_))) => completed += 1,
            Some(Ok(Either::Right(_))) => {}
            Some(Err(_)) => is_over = true,
            None => {
                is_over = true;
                if completed < statements_in(&sql, completed) {
                    return Poll::Ready(Some(Err(sqlx::Error::WorkerCrashed)));
                }
            }
        }
        Poll::Ready(step)
    })
}

/// Returns the number of statements in a text, of which `completed` have run.
fn statements_in(sql: &SqlStr, completed: usize) -> usize {
    let sql = sql.as_str();
    // The usual case.
    if completed == 1 && !sql.contains(';') {
        return 1;
    }
    demarcate_sql::statements(sql, Dialect::Sqlite).count()
}

/// Returns the SQL that asks for the version of the schema, with the text of the schemas of attached databases, whose versions
/// no query can ask for.
///
/// SQLite prepares a statement against the schema that its connection holds in memory. Reading the table of the schema
/// brings that up to date, even where no row is taken; beginning a transaction and reading the version do not.
async fn ask_schema(connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    let databases = Statement::of_text("PRAGMA database_list".into_sql_str());
    let mut databases = Sqlite::fetch_many(connection, databases);
    let mut attached = String::new();
    while let Some(step) = databases.try_next().await? {
        let Either::Right(row) = step else { continue };
        let name: String = row.try_get("name")?;
        if name == "main" {
            continue;
        }
        let name = name.replace('"', "\"\"");
        // Writing to a `String` cannot fail.
        let _ = write!(
            attached,
            " || coalesce((SELECT group_concat(sql, ';') FROM \"{name}\".sqlite_master), '')"
        );
    }
    let update = "SELECT 1 FROM main.sqlite_master LIMIT 0";
    Ok(if attached.is_empty() {
        format!("{update}; PRAGMA main.schema_version")
    } else {
        format!("{update}; SELECT (SELECT schema_version FROM pragma_schema_version){attached}")
    })
}

impl Connect for Sqlite {
    const CONNECT_ADVICE: &'static str =
        "is it the right file, and may it and its folder be read and written?";

    type Fitting = Fitting;

    fn fit(
        connection: &mut SqliteConnection,
        _: Pooler,
    ) -> BoxFuture<'_, Result<Fitting, sqlx::Error>> {
        Box::pin(async move {
            let sql = "PRAGMA busy_timeout".into_sql_str();
            let busy_timeout = match Self::run_for_row(connection, sql).await? {
                Some(row) => row.try_get(0)?,
                None => 0,
            };
            let ask_schema = ask_schema(connection).await?;
            let is_stopped = Arc::new(AtomicBool::new(false));
            let is_told = Arc::clone(&is_stopped);
            connection
                .lock_handle()
                .await?
                .set_progress_handler(STEPS_BETWEEN_LOOKS, move || {
                    !is_told.load(Ordering::Relaxed)
                });
            Ok(Fitting {
                is_stopped,
                busy_timeout,
                ask_schema,
                schema: Mutex::new(None),
            })
        })
    }

    /// The connection drops its progress handler before its address can be another's.
    fn fit_lent<'c>(
        connection: &'c mut SqliteConnection,
        pooler: Pooler,
        fitted: &'c Fitted<Self>,
    ) -> BoxFuture<'c, Result<Arc<Fitting>, sqlx::Error>> {
        Box::pin(async move {
            let address = connection.lock_handle().await?.as_raw_handle().addr().get();
            let known = lock(fitted).get(&address).cloned();
            if let Some(known) = known.filter(|known| known.is_watching()) {
                return Ok(known);
            }
            let fitting = Arc::new(Self::fit(connection, pooler).await?);
            let mut fitted = lock(fitted);
            fitted.retain(|_, fitting| fitting.is_watching());
            fitted.insert(address, Arc::clone(&fitting));
            Ok(fitting)
        })
    }

    /// The codes are listed in <https://www.sqlite.org/rescode.html>.
    fn refusal(error: &dyn DatabaseError) -> Option<Diagnosis> {
        Some(match primary_code(error)? {
            // SQLITE_READONLY
            8 => Diagnosis::lasting(
                "may this process write the file and its folder, and is there no `mode=ro` in the URL? what only \
                 reads can say so: `read_only`",
            ),
            // SQLITE_CANTOPEN
            14 => Diagnosis::lasting(
                "is it a file, does its folder exist, and may they be read and written? `?mode=rwc` at the end of \
                 the URL creates the file",
            ),
            // SQLITE_NOTADB
            26 => Diagnosis::lasting(
                "it is no database of SQLite, or an encrypted one: is it the right file?",
            ),
            _ => return None,
        })
    }

    /// SQLite opens a file without reading it, so this reads the schema version. An error such as a locked database is
    /// sufficient proof.
    fn prove(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        Box::pin(async move {
            match Self::run(connection, "PRAGMA schema_version".into_sql_str()).await {
                Err(sqlx::Error::Database(error)) if Self::refusal(&*error).is_none() => Ok(()),
                looked => looked,
            }
        })
    }

    /// One connection for a database in memory: it exists as long as its connection, and a second connection would have
    /// a database of its own, or meet locks that no busy timeout waits for.
    fn most_connections(options: &SqliteConnectOptions, asked: usize) -> usize {
        if is_of_one_connection(options) {
            1
        } else {
            asked
        }
    }

    fn is_lost_with_its_connection(options: &SqliteConnectOptions) -> bool {
        is_of_one_connection(options)
    }
}

impl Transact for Sqlite {
    const FACTS: TransactionFacts = TransactionFacts {
        enforces_statement_timeout: false,
        // A statement runs in this process, on the connection's own thread. Closing the connection does not end the
        // statement, and deletes a database in memory: it is the last resort, where that thread does not answer any more.
        rollback_limit: Duration::from_secs(30),
        closes_tainted: false,
        // The thread of the connection stops at the first row that nobody takes.
        finishes_unread: false,
        // `sqlite3_interrupt` does not reach the busy handler.
        waits_in_begin: true,
        // The connection runs on a thread of its own, not on the runtime.
        lives_with_runtime: false,
        has_implicit_transactions: false,
        ..TransactionFacts::SERVER
    };

    const DEFAULT_ISOLATION: Isolation = Isolation::Serializable;

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
        if options.idle_timeout.is_some() {
            return Err(Error::unsupported(
                Self::TITLE,
                "`idle_timeout`",
                "leave it out: `timeout` ends the whole boundary, idle or not",
            ));
        }
        if options.confirm_commit {
            return Err(Error::unsupported(
                Self::TITLE,
                "`confirm_commit`",
                "leave it out: a commit runs in this process, and its answer cannot be lost",
            ));
        }
        Ok(())
    }

    /// IMMEDIATE takes the write lock at once. A deferred transaction that reads and then writes fails with SQLITE_BUSY
    /// if another transaction wrote in between. The busy timeout does not apply then, since waiting would not help:
    /// <https://www.sqlite.org/lang_transaction.html>.
    ///
    /// The schema is asked for inside the transaction, in which nobody else can change it.
    fn begin(options: &Effective, fitting: &Fitting, _: TargetSessionAttrs) -> SqlStr {
        let mut sql = String::new();
        // Writing to a `String` cannot fail. `restore` resets both settings.
        if let Some(timeout) = options.lock_timeout {
            let milliseconds = timeout.as_millis().max(1);
            let _ = write!(sql, "PRAGMA busy_timeout = {milliseconds}; ");
        }
        sql.push_str(if options.is_read_only() {
            "PRAGMA query_only = 1; BEGIN; "
        } else {
            "BEGIN IMMEDIATE; "
        });
        sql.push_str(&fitting.ask_schema);
        AssertSqlSafe(sql).into_sql_str()
    }

    fn begun(row: Option<SqliteRow>) -> Result<BeginReply, sqlx::Error> {
        let schema = match row {
            // The version is a number where no other database is attached.
            Some(row) => row.try_get_unchecked(0)?,
            None => None,
        };
        Ok(BeginReply {
            schema,
            ..BeginReply::default()
        })
    }

    fn recognize(fitting: &Fitting, begun: &BeginReply) -> Recognition {
        let mut last = lock(&fitting.schema);
        if *last == begun.schema {
            return Recognition::AsBefore;
        }
        last.clone_from(&begun.schema);
        Recognition::NewSchema
    }

    /// Needs no further check, because SQLite reports COMMIT outside a transaction as an error.
    fn commit(options: &Effective, fitting: &Fitting) -> SqlStr {
        match restore(options, fitting) {
            None => "COMMIT".into_sql_str(),
            Some(restore) => AssertSqlSafe(format!("COMMIT; {restore}")).into_sql_str(),
        }
    }

    fn roll_back<'c>(
        connection: &'c mut SqliteConnection,
        options: &Effective,
        fitting: &Fitting,
    ) -> BoxFuture<'c, Result<(), sqlx::Error>> {
        let restore = restore(options, fitting);
        Box::pin(async move {
            if let Some(restore) = restore {
                Self::run(connection, AssertSqlSafe(restore).into_sql_str()).await?;
            }
            match Self::run(connection, "ROLLBACK".into_sql_str()).await {
                Err(error) if is_outside_transaction(&error) => Ok(()),
                other => other,
            }
        })
    }

    fn stop(fitting: &Fitting, _: &BeginReply) -> Option<SqlStr> {
        fitting.is_stopped.store(true, Ordering::Relaxed);
        None
    }

    fn resume(fitting: &Fitting) {
        fitting.is_stopped.store(false, Ordering::Relaxed);
    }

    fn settle(connection: &mut SqliteConnection) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        // The connection's thread finishes the dropped statement before it answers the ping.
        Box::pin(connection.ping())
    }

    fn commit_failure(error: &sqlx::Error) -> CommitFailure {
        match error {
            error if is_outside_transaction(error) => CommitFailure::NotOpen,
            sqlx::Error::Database(_) => CommitFailure::Refused,
            _ => CommitFailure::Unknown,
        }
    }
}

impl Backend for Sqlite {}

#[cfg(feature = "migrate")]
impl Migrate for Sqlite {
    forward_to_migrator!();
}

/// Whether the database is in memory or in a temporary file, and so visible to one connection only:
/// <https://www.sqlite.org/inmemorydb.html>.
fn is_of_one_connection(options: &SqliteConnectOptions) -> bool {
    let name = options.get_filename().to_string_lossy();
    name.is_empty()
        || name == ":memory:"
        || (name.starts_with("file:") && (name.contains(":memory:") || name.contains("mode=memory")))
        // sqlx 0.9 has no accessor for this, and its `to_url_lossy` panics for such a database.
        || format!("{options:?}").contains("in_memory: true")
}

/// Returns the primary result code, the low byte of an extended one: <https://www.sqlite.org/rescode.html>.
fn primary_code(error: &(impl DatabaseError + ?Sized)) -> Option<i32> {
    let code: i32 = error.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Whether COMMIT or ROLLBACK failed because no transaction is open. SQLite reports it with its generic error code, so
/// only the message identifies it: `OP_AutoCommit` in <https://www.sqlite.org/src/file/src/vdbe.c>.
fn is_outside_transaction(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.message().ends_with("no transaction is active"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// sqlx's stream ends like this if the thread of its connection has panicked.
    #[tokio::test]
    async fn a_stream_that_ends_before_its_statements_is_a_lost_connection() {
        let done = || Ok(Either::Left(sqlx::sqlite::SqliteQueryResult::default()));
        for (sql, completed, is_lost) in [
            ("select 1", 0, true),
            ("select 1", 1, false),
            ("select 1;", 1, false),
            ("select 1; select 2", 1, true),
            ("select 1; select 2", 2, false),
            ("select ';'", 1, false),
            (
                "create trigger t after insert on a begin select 1; select 2; end",
                1,
                false,
            ),
            ("", 0, false),
            (" ; -- nothing", 0, false),
        ] {
            let steps = stream::iter((0..completed).map(|_| done())).boxed();
            let ended: Result<Vec<_>, _> = until_complete(steps, AssertSqlSafe(sql).into_sql_str())
                .try_collect()
                .await;
            match ended {
                Ok(steps) => assert!(!is_lost && steps.len() == completed, "{sql}"),
                Err(error) => {
                    assert!(is_lost, "{sql}");
                    assert_eq!(
                        crate::classify::classify(&error).fate,
                        crate::classify::Fate::Lost
                    );
                }
            }
        }
    }

    #[tokio::test]
    async fn a_connection_of_a_pool_of_the_users_is_asked_once() {
        let fitted = Fitted::<Sqlite>::default();
        let connect = || SqliteConnection::connect("sqlite::memory:");
        let mut connection = connect().await.unwrap();
        let first = Sqlite::fit_lent(&mut connection, Pooler::None, &fitted)
            .await
            .unwrap();
        let again = Sqlite::fit_lent(&mut connection, Pooler::None, &fitted)
            .await
            .unwrap();
        assert!(Arc::ptr_eq(&first, &again));

        // The user's own handler would leave a statement that runs too long running.
        connection
            .lock_handle()
            .await
            .unwrap()
            .set_progress_handler(1_000, || true);
        let anew = Sqlite::fit_lent(&mut connection, Pooler::None, &fitted)
            .await
            .unwrap();
        assert!(!Arc::ptr_eq(&first, &anew));

        connection.close().await.unwrap();
        // It may be at the address of the closed one.
        let mut other = connect().await.unwrap();
        let of_other = Sqlite::fit_lent(&mut other, Pooler::None, &fitted)
            .await
            .unwrap();
        assert!(!Arc::ptr_eq(&anew, &of_other));
        assert_eq!(lock(&fitted).len(), 1);
    }

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
