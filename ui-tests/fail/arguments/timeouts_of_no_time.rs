use demarcate::sqlite::Session;
use demarcate::{Error, router_tx};

#[router_tx(statement_timeout = "0s", lock_timeout = "25h", idle_timeout = 5)]
async fn report(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
