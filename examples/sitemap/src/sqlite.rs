//! The program on SQLite.

#[path = "app/mod.rs"]
pub(crate) mod app;

use std::{str::FromStr, time::Duration};

use anyhow::Context;
pub(crate) use demarcate::sqlite::{Session, SessionFactory};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};

/// For the one query that is built at run time.
pub(crate) type Database = sqlx::Sqlite;

pub(crate) const SCHEMA: &str = include_str!("../sql/sqlite.sql");

/// Connects to a file, and creates it where it is not there.
pub(crate) async fn connect(url: &str) -> anyhow::Result<SessionFactory> {
    let options = SqliteConnectOptions::from_str(url)
        .context("this is not a URL of SQLite; write one of the form `sqlite://path/to/file.db`")?
        .create_if_missing(true)
        // A job can be asked about while another is being stored.
        .journal_mode(SqliteJournalMode::Wal)
        // As long as a boundary waits; a large site takes seconds to store.
        .busy_timeout(Duration::from_secs(30));
    Ok(SessionFactory::builder().options(options).connect().await?)
}
