use demarcate::sqlite::Session;
use demarcate::{Error, router_tx};

#[router_tx(retry = 3)]
async fn post(tx: &mut Session, seen: &mut Vec<i64>) -> Result<(), Error> {
    seen.push(1);
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
