use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::SqliteExecutor;

trait Db<'c>: SqliteExecutor<'c> {}

#[service]
async fn create_order<'c>(tx: &mut Session, db: impl Db<'c>) -> Result<(), sqlx::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
