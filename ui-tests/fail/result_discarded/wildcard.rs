use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = sqlx::query("select 1").execute(&mut *tx).await;
    _ = count(tx).await;
    drop(count(&mut *tx).await);
    sqlx::query("select 1").execute(&mut *tx).await;
    Ok(())
}

#[service]
async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
