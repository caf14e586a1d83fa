//! The databases: their texts, their options, and the table that everybody writes to.

use std::str::FromStr;

use sqlx::mysql::MySqlConnectOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Database, MySql, Postgres, Sqlite};

use crate::rival::ROWS_PER_TASK;

/// The most tasks of a load.
pub(crate) const MOST_TASKS: i32 = 1_000;

/// The statements of the loads and of those who begin a transaction by hand.
pub(crate) trait Texts: Database {
    const UPDATE: &'static str;
    const SELECT: &'static str;
    /// As a text that begins a transaction that may write.
    const BEGIN: &'static str;
    /// Isolation and timeouts, as statements after the begin.
    const GUARANTEES: &'static [&'static str];
    /// Isolation and timeouts, in the text of the begin.
    const FOLDED: &'static str;
    const FOLDED_READ_ONLY: &'static str;

    /// The options of a connection: the same for everybody on sqlx.
    fn options(url: &str) -> <Self::Connection as sqlx::Connection>::Options;
}

impl Texts for Postgres {
    const UPDATE: &'static str = "update bench set n = n + 1 where id = $1";
    const SELECT: &'static str = "select n from bench where id = $1";
    const BEGIN: &'static str = "begin";
    const GUARANTEES: &'static [&'static str] = &[
        "set transaction isolation level read committed",
        "set local statement_timeout = 30000; set local lock_timeout = 10000",
    ];
    const FOLDED: &'static str = "begin isolation level read committed; set local statement_timeout = 30000; set local lock_timeout = 10000";
    const FOLDED_READ_ONLY: &'static str = "begin isolation level read committed read only; set local statement_timeout = 30000; set local lock_timeout = 10000";

    fn options(url: &str) -> PgConnectOptions {
        PgConnectOptions::from_str(url).expect("the URL of a server that was started here")
    }
}

impl Texts for MySql {
    const UPDATE: &'static str = "update bench set n = n + 1 where id = ?";
    const SELECT: &'static str = "select n from bench where id = ?";
    const BEGIN: &'static str = "start transaction";
    // The level of the next transaction cannot be set inside one: this is the level of the session.
    const GUARANTEES: &'static [&'static str] = &[
        "set session transaction isolation level read committed",
        "set session innodb_lock_wait_timeout = 10",
    ];
    const FOLDED: &'static str = "set transaction isolation level read committed; set session innodb_lock_wait_timeout = 10; start transaction";
    const FOLDED_READ_ONLY: &'static str = "set transaction isolation level read committed; set session innodb_lock_wait_timeout = 10; start transaction read only";

    fn options(url: &str) -> MySqlConnectOptions {
        MySqlConnectOptions::from_str(url).expect("the URL of a server that was started here")
    }
}

impl Texts for Sqlite {
    const UPDATE: &'static str = "update bench set n = n + 1 where id = ?";
    const SELECT: &'static str = "select n from bench where id = ?";
    const BEGIN: &'static str = "begin immediate";
    const GUARANTEES: &'static [&'static str] = &["pragma busy_timeout = 10000"];
    const FOLDED: &'static str = "begin immediate";
    const FOLDED_READ_ONLY: &'static str = "begin";

    fn options(url: &str) -> SqliteConnectOptions {
        SqliteConnectOptions::from_str(url)
            .expect("the URL of a file that was made here")
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
    }
}

/// The texts that make the table and its rows.
pub(crate) fn table(is_postgres: bool) -> Vec<String> {
    // Room on each page, so that a changed row stays on it.
    let room = if is_postgres {
        " with (fillfactor = 50)"
    } else {
        ""
    };
    let rows: Vec<i32> = (0..MOST_TASKS * ROWS_PER_TASK).collect();
    let mut texts = vec![format!(
        "create table bench (id integer primary key, n integer not null){room}"
    )];
    texts.extend(rows.chunks(1_000).map(|ids| {
        let values: Vec<String> = ids.iter().map(|id| format!("({id}, 0)")).collect();
        format!("insert into bench (id, n) values {}", values.join(", "))
    }));
    texts
}

/// A text that was put together here.
pub(crate) fn trusted(text: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(text.to_owned())
}
