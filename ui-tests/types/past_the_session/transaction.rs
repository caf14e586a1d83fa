use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::{Sqlite, Transaction};

#[service]
async fn create_order(tx: &mut Session, db: &mut Transaction<'_, Sqlite>) -> Result<(), sqlx::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
