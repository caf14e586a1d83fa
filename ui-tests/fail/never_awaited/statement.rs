use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx);
    let _ = count(tx);
    drop(count(tx));
    tx.savepoint(async |_sp| Ok::<_, demarcate::Error>(()));
    Ok(())
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
