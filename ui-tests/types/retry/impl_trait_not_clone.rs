use demarcate::sqlite::Session;
use demarcate::{Error, router_tx};

#[router_tx(retry = 3)]
async fn post(tx: &mut Session, price: impl Fn() -> i64 + Send + Sync) -> Result<(), Error> {
    sqlx::query("select ?").bind(price()).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
