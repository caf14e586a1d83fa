use demarcate::sqlite::Session;
use demarcate::{Error, router_tx};

#[router_tx(read_only, replica = Perfer)]
async fn misspelt(tx: &mut Session) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?)
}

#[router_tx(read_write, replica = Require)]
async fn writes(tx: &mut Session) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?)
}

#[router_tx(read_only, isolation = Serializable, replica = Require)]
async fn serializable(tx: &mut Session) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?)
}

fn main() {}
