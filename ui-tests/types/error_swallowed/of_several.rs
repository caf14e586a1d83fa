use std::time::Duration;

use demarcate::service;
use demarcate::sqlite::Session;
use tokio::time::timeout;

#[service]
async fn read(tx: &mut Session) -> Result<i64, sqlx::Error> {
    let mut sum = 0;
    if let (Ok(a), Ok(b)) = (count(tx).await, count(tx).await) {
        sum += a + b;
    }
    match (count(tx).await, sum) {
        (Ok(n), 0) => sum = n,
        _ => {}
    }
    let (a, b) = (count(tx).await, count(tx).await);
    if let (Ok(a), Ok(b)) = (a, b) {
        sum += a + b;
    }
    let (Ok(n), _) = tokio::join!(count(tx), async {}) else {
        return Ok(sum);
    };
    sum += n;
    match count(tx).await {
        _ => {}
    }
    let counted = Some(count(tx).await);
    if let Some(Ok(n)) = counted {
        sum += n;
    }
    tokio::select! {
        Ok(n) = count(tx) => sum += n,
        else => {}
    }
    let Ok(_) = timeout(Duration::from_secs(1), count(tx)).await else {
        return Ok(sum);
    };
    count(tx).await.or_else(|_| { return Ok(sum) })
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
