use std::time::Duration;

use demarcate::service;
use demarcate::sqlite::Session;
use futures_util::StreamExt;
use tokio::time::timeout;

#[service]
async fn read(tx: &mut Session) -> Result<bool, sqlx::Error> {
    if count(tx).await.is_err() {
        return Ok(false);
    }
    for _ in 0..3 {
        if count(tx).await.is_ok() {
            break;
        }
    }
    let counted = count(tx).await;
    if counted.is_ok() {
        println!("counted");
    }
    if count(tx).await.is_ok_and(|n| n > 0) {
        println!("some");
    }
    let tried: Result<(), sqlx::Error> = async {
        count(tx).await?;
        Ok(())
    }
    .await;
    println!("{}", tried.is_ok());
    let mut rows = sqlx::query_scalar::<_, i64>("select 1").fetch(&mut *tx);
    while let Some(row) = rows.next().await {
        if row.is_err() {
            break;
        }
    }
    drop(rows);
    let done = timeout(Duration::from_secs(1), count(tx)).await.is_ok();
    Ok(done && sqlx::query("select 1").execute(&mut *tx).await.is_ok())
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
