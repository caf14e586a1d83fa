use std::time::Duration;

use demarcate::service;
use demarcate::sqlite::Session;
use tokio::time::timeout;

#[derive(Debug)]
enum OrderError {
    Database(sqlx::Error),
}

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = count(tx).await;
    let _counted = count(tx).await;
    let _: Result<i64, sqlx::Error> = count(tx).await;
    _ = count(tx).await;
    let (_, n) = tokio::join!(count(tx), one());
    let _ = tokio::join!(count(tx), one());
    let _ = reserve(tx).await;
    let _ = timeout(Duration::from_secs(n), count(tx)).await;
    drop(count(tx).await);
    reserve(tx).await;
    let counted = count(tx).await;
    let _ = counted;
    let counted = count(tx).await;
    drop(counted);
    Ok(())
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

async fn reserve(tx: &mut Session) -> Result<(), OrderError> {
    count(tx).await.map_err(OrderError::Database)?;
    Ok(())
}

async fn one() -> u64 {
    1
}

fn main() {}
