use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx(= 5, "read_only", 3, timeout == "5s")]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
