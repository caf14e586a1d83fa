use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::MySql;
use sqlx::pool::PoolConnection;

#[service]
async fn create_order(tx: &mut Session, db: PoolConnection<MySql>) -> Result<(), sqlx::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
