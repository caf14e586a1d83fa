use std::time::Duration;

use demarcate::service;
use demarcate::sqlite::Session;
use tokio::time::timeout;

#[service]
async fn read(tx: &mut Session) -> Result<i64, sqlx::Error> {
    let mut sum = match timeout(Duration::from_secs(1), count(tx)).await {
        Ok(n) => n?,
        Err(_) => 0,
    };
    if let Ok(n) = timeout(Duration::from_secs(1), count(tx)).await {
        sum += n?;
    }
    Ok(sum)
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
