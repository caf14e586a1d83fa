use demarcate::service;
use demarcate::sqlite::Session;
use futures_util::StreamExt;

#[service]
async fn counts(tx: &mut Session) -> Result<usize, sqlx::Error> {
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(count(tx).await);
    }
    let (fine, _failed): (Vec<_>, Vec<_>) = all.into_iter().partition(|n| n.is_ok());
    let mut sum = fine.len();
    let rows: Vec<_> = sqlx::query("delete from carts returning id").fetch(&mut *tx).collect().await;
    sum += rows.len();
    let mut all = vec![];
    for _ in 0..3 {
        all.push(count(tx).await);
    }
    if let Some(last) = all.pop() {
        last?;
    }
    let mut all = vec![];
    for _ in 0..3 {
        all.push(count(tx).await);
    }
    all.into_iter().next().transpose()?;
    Ok(sum)
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
