//! Test databases of SQLite: a file for each test, and no server.

use std::fs::{self, File};
use std::path::PathBuf;

use sqlx::{Connection, Sqlite, SqliteConnection};
use tokio::sync::OnceCell;
use xtask::servers;

use crate::backend::{Backend, run_statements};
use crate::say::say;

impl Backend for Sqlite {
    // A file has no sessions.
    const OTHER_SESSIONS: &'static str = "select 0";

    async fn create(name: String) -> Result<String, String> {
        announce().await?;
        let directory = directory(&name);
        // A process of the same id may have been killed before it could remove its files.
        let _ = fs::remove_dir_all(&directory);
        let file = directory.join("test.db");
        fs::create_dir_all(&directory)
            // An empty file is an empty database, and opens without `mode=rwc` in the URL.
            .and_then(|()| File::create(&file))
            .map_err(|error| format!("cannot create {}: {error}", file.display()))?;
        Ok(format!("sqlite://{}", file.display()))
    }

    async fn drop(name: String) -> Result<(), String> {
        // Open files stay usable for their holders.
        fs::remove_dir_all(directory(&name)).map_err(|error| error.to_string())
    }

    run_statements!();
}

/// A directory for each database, since SQLite puts its journal and its write-ahead log beside the file.
fn directory(name: &str) -> PathBuf {
    servers::directory().join("sqlite").join(name)
}

async fn announce() -> Result<(), String> {
    static ANNOUNCED: OnceCell<()> = OnceCell::const_new();
    let announced = ANNOUNCED.get_or_try_init(|| async {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await?;
        let version: String = sqlx::query_scalar("select sqlite_version()")
            .fetch_one(&mut connection)
            .await?;
        say(&format!("tests run on SQLite {version}"));
        Ok(())
    });
    announced
        .await
        .map(|_| ())
        .map_err(|error: sqlx::Error| error.to_string())
}
