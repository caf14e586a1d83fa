use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    if let Err(error) = sqlx::query("delete from orders").execute(&mut *tx).await {
        tx.rollback().await?;
        return Err(error.into());
    }
    Ok(())
}

fn main() {}
