use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::{Sqlite, Transaction};

#[service]
async fn for_update(tx: &mut Session, id: i64) -> Result<Option<Transaction<'static, Sqlite>>, sqlx::Error> {
    sqlx::query("select ?").bind(id).execute(&mut *tx).await?;
    Ok(None)
}

fn main() {
    let _ = for_update;
}
