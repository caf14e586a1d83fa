use demarcate::router_tx;
use demarcate::postgres::Session;

#[router_tx]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("LISTEN orders").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
