#![allow(unused_variables)]

use demarcate::service;
use demarcate::sqlite::Session;
use futures_util::future::join;

#[service]
async fn read(tx: &mut Session, kind: u8) -> Result<i64, sqlx::Error> {
    match kind {
        0 => {}
        1 => _ = count(tx).await,
        _ => {
            let counted = count(tx).await;
            _ = counted
        }
    }
    let n;
    (_, n) = tokio::join!(count(tx), one());
    let counted = count(tx).await;
    Ok(n + join(count(tx), one()).await.1 + tokio::join!(one(), count(tx)).0)
}

async fn one() -> i64 {
    1
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
