use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx(propagation = "REQUIRED")]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
