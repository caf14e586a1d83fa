use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("pragma foreign_keys = off").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
