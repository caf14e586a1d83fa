use demarcate::router_tx;
use demarcate::sqlite::Session;

// A transaction in the transaction: the inner commit is none, and the inner rollback takes everything with it.
#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    let mut inner = tx.begin().await?;
    sqlx::query("insert into orders default values").execute(&mut *inner).await?;
    inner.commit().await?;
    sqlx::query("begin").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
