use demarcate::sqlite::Session;
use demarcate::{router_tx, service};

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    tokio::spawn(async move { sqlx::query("select 1").execute(&mut *tx).await });
    Ok(())
}

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let count = tokio::spawn(async move {
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok::<i64, sqlx::Error>(1)
    });
    drop(count);
    Ok(())
}

fn main() {}
