use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<i64, demarcate::Error> {
    count(tx).await.ok();
    let first = count(tx).await.unwrap_or(0);
    let second = count(tx).await.map(|n| n + 1).unwrap_or_default();
    let third = count(tx).await.unwrap_or_else(|_| 3);
    count(tx).await.is_ok();
    Ok(first + second + third)
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
