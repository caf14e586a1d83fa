use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("savepoint before_order").execute(&mut *tx).await?;
    sqlx::query("insert or rollback into orders values (1)").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
