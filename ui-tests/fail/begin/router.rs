use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    let inner = tx.begin().await?;
    create_order(inner).await?;
    Ok(())
}

#[demarcate::service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("delete from orders").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
