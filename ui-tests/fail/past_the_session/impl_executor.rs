use demarcate::service;
use demarcate::sqlite::Session;

use sqlx::{Acquire, Sqlite, SqliteExecutor};

#[service]
async fn create_order(tx: &mut Session, db: impl SqliteExecutor<'_>) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    sqlx::query("select 1").execute(db).await?;
    Ok(())
}

#[service]
async fn audit(tx: &mut Session, db: Option<impl Acquire<'_, Database = Sqlite>>) -> Result<(), sqlx::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
