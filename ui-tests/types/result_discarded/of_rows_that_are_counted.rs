use demarcate::service;
use demarcate::sqlite::Session;
use futures_util::StreamExt;

#[service]
async fn count(tx: &mut Session) -> Result<usize, sqlx::Error> {
    let rows = sqlx::query("select 1").fetch(&mut *tx).count().await;
    sqlx::query("select 2")
        .fetch(&mut *tx)
        .for_each(|_| async {})
        .await;
    let more = sqlx::query("select 3")
        .fetch(&mut *tx)
        .fold(0, |rows, _| async move { rows + 1 })
        .await;
    let saved = vec![save(tx).await, save(tx).await];
    let last = saved.into_iter().last().transpose()?;
    Ok(rows + more + usize::from(last.is_some()))
}

#[service]
async fn save(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
