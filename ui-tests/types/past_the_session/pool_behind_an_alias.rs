use demarcate::service;
use demarcate::sqlite::Session;
use std::sync::Arc;

type Db = sqlx::PgPool;

#[service]
async fn create_order(tx: &mut Session, db: Arc<Db>) -> Result<(), sqlx::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
