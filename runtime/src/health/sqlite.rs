//! Reads the state of SQLite.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_core::future::BoxFuture;
use sqlx::error::DatabaseError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Row, SqlSafeStr, Sqlite, SqliteConnection};

use super::examine::{Asker, Examine};
use super::history::History;
use super::kind::CheckKind;
use super::readings::{Reading, Readings};
use crate::backend::Execute;
use crate::settings::redact;

/// The time limit of `PRAGMA quick_check`.
const QUICK_CHECK_LIMIT: Duration = Duration::from_millis(500);

/// How many steps of SQLite's virtual machine run between two checks of the time limit.
const STEPS: i32 = 10_000;

impl Examine for Sqlite {
    const CHECKS: &'static [CheckKind] = &[
        CheckKind::Connection,
        CheckKind::Writable,
        CheckKind::PoolUsage,
        CheckKind::AverageStatement,
        CheckKind::P99Statement,
        CheckKind::LongTransactions,
        CheckKind::IdleInTransaction,
        CheckKind::Rollbacks,
        CheckKind::WalSize,
        CheckKind::Busy,
        CheckKind::Integrity,
    ];

    fn examine<'a>(
        asker: &'a mut Asker<'_, Self>,
        history: &'a History,
    ) -> BoxFuture<'a, Result<Readings, sqlx::Error>> {
        Box::pin(async move {
            let version = ask_text(asker, "select sqlite_version()").await?;
            let nothing = Readings::of(format!("SQLite {version}"));
            let Some(options) = asker.options().cloned() else {
                return Ok(Readings {
                    read_only: Ok(None),
                    wal_size: Err("a database in memory has no log".into()),
                    integrity: Err("a database in memory has no file".into()),
                    ..nothing
                });
            };
            // The connection is used for nothing else, so a shorter timeout affects no other statement.
            asker
                .ask("pragma busy_timeout = 250".into_sql_str())
                .await?;
            // This pragma reads the file. Others are answered from memory, even if the file is broken or locked.
            match asker.ask("pragma schema_version".into_sql_str()).await {
                Ok(_) => {}
                Err(error) if has_code(&error, &[SQLITE_BUSY, SQLITE_LOCKED]) => {
                    return Ok(Readings {
                        is_locked: true,
                        read_only: Err(LOCKED.into()),
                        wal_size: Err(LOCKED.into()),
                        integrity: Err(LOCKED.into()),
                        ..nothing
                    });
                }
                Err(error) if has_code(&error, &[SQLITE_CORRUPT, SQLITE_NOTADB]) => {
                    return Ok(Readings {
                        integrity: Ok(Some(redact(&error.to_string()).into_owned())),
                        read_only: Err(BROKEN.into()),
                        wal_size: Err(BROKEN.into()),
                        ..nothing
                    });
                }
                Err(error) => return Err(error),
            }
            let journal = ask_text(asker, "pragma journal_mode").await?;
            let file = options.get_filename().to_owned();
            let wal_size = match journal.as_str() {
                "wal" => size_of_log(&file).await,
                other => {
                    Err(format!("the journal mode is `{other}`, which has no such log").into())
                }
            };
            Ok(Readings {
                read_only: read_only(asker, &options, file).await,
                wal_size,
                integrity: integrity(&options, history).await,
                ..nothing
            })
        })
    }
}

const LOCKED: &str = "another connection has locked the whole file";
const BROKEN: &str = "the file is broken";

/// <https://www.sqlite.org/rescode.html>
const SQLITE_BUSY: i32 = 5;
const SQLITE_LOCKED: i32 = 6;
const SQLITE_READONLY: i32 = 8;
const SQLITE_INTERRUPT: i32 = 9;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_NOTADB: i32 = 26;

/// The low byte of an extended code is the primary one.
fn has_code(error: &sqlx::Error, codes: &[i32]) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let code = code.and_then(|code| code.parse::<i32>().ok());
    code.is_some_and(|code| codes.contains(&(code & 0xff)))
}

async fn ask_text(asker: &mut Asker<'_, Sqlite>, sql: &'static str) -> Result<String, sqlx::Error> {
    let row = asker.ask(sql.into_sql_str()).await?;
    row.ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}

/// Returns the size of the write-ahead log from its metadata. To open and close the file would release all locks that this
/// process has on it:
/// <https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_>.
async fn size_of_log(file: &Path) -> Reading<u64> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    let looked = tokio::task::spawn_blocking(move || std::fs::metadata(log)).await;
    match looked {
        Ok(Ok(metadata)) => Ok(metadata.len()),
        // The first write creates the log.
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(0),
        Ok(Err(error)) => Err(format!("the log cannot be read: {error}").into()),
        Err(error) => Err(error.to_string().into()),
    }
}

/// Returns the reason why the database is read-only. sqlx has no accessor for the open mode, so it is read from `Debug`. A
/// file without write permission is opened read-only without an error. Only an attempt to write detects that, and
/// there it blocks no other writer.
async fn read_only(
    asker: &mut Asker<'_, Sqlite>,
    options: &SqliteConnectOptions,
    file: PathBuf,
) -> Reading<Option<String>> {
    let shown = format!("{options:?}");
    if shown.contains("read_only: true") || shown.contains("immutable: true") {
        return Ok(Some("it is opened for reading only".to_owned()));
    }
    let looked = tokio::task::spawn_blocking(move || std::fs::metadata(file)).await;
    let may_be = matches!(looked, Ok(Ok(metadata)) if metadata.permissions().readonly());
    if !may_be {
        return Ok(None);
    }
    match asker.ask("begin immediate; rollback".into_sql_str()).await {
        Err(error) if has_code(&error, &[SQLITE_READONLY]) => {
            Ok(Some("this process may not write the file".to_owned()))
        }
        _ => Ok(None),
    }
}

/// Checks the integrity of the file, on a connection that interrupts itself at the time limit.
async fn integrity(options: &SqliteConnectOptions, history: &History) -> Reading<Option<String>> {
    if let Some(known) = history.integrity() {
        return known;
    }
    let seen = match quick_check(options).await {
        Ok(said) if said == "ok" => Ok(None),
        Ok(said) => Ok(Some(said)),
        Err(error) if has_code(&error, &[SQLITE_CORRUPT, SQLITE_NOTADB]) => {
            Ok(Some(redact(&error.to_string()).into_owned()))
        }
        Err(error) if has_code(&error, &[SQLITE_INTERRUPT]) => Err(format!(
            "the file cannot be checked within {QUICK_CHECK_LIMIT:?}; run `PRAGMA quick_check` without a time limit"
        )
        .into()),
        // The error may be temporary, so it is not kept.
        Err(error) => return Err(format!("the file cannot be checked: {}", redact(&error.to_string())).into()),
    };
    history.keep_integrity(seen.clone());
    seen
}

async fn quick_check(options: &SqliteConnectOptions) -> Result<String, sqlx::Error> {
    let mut connection: SqliteConnection = options.connect().await?;
    let deadline = Instant::now() + QUICK_CHECK_LIMIT;
    connection
        .lock_handle()
        .await?
        .set_progress_handler(STEPS, move || Instant::now() < deadline);
    let row = Sqlite::run_for_row(&mut connection, "pragma quick_check(1)".into_sql_str()).await;
    connection.close().await.ok();
    row?.ok_or(sqlx::Error::RowNotFound)?.try_get(0)
}
