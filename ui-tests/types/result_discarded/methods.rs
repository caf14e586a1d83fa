use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<i64, demarcate::Error> {
    count(tx).await.ok();
    let mut sum = count(tx).await.unwrap_or(0);
    sum += count(tx).await.map(|n| n + 1).unwrap_or_default();
    sum += count(tx).await.unwrap_or_else(|_| 3);
    sum += count(tx).await.map_or(0, |n| n);
    sum += count(tx).await.map_or_else(|_| 0, |n| n);
    sum += count(tx).await.or(Ok::<_, sqlx::Error>(0))?;
    sum += Result::unwrap_or_default(count(tx).await);
    count(tx).await.is_ok();
    for n in count(tx).await.into_iter() {
        sum += n;
    }
    Ok(sum)
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
