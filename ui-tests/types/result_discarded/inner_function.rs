use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    async fn helper(tx: &mut Session) -> Result<(), sqlx::Error> {
        count(tx).await.ok();
        Ok(())
    }
    let twice = async |tx: &mut Session| {
        let _ = count(tx).await;
        count(tx).await
    };
    helper(tx).await?;
    twice(tx).await?;
    tx.each([1], async |tx, _| {
        count(tx).await.unwrap_or(0);
        Ok::<_, sqlx::Error>(())
    })
    .await?
    .into_iter()
    .collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
