use demarcate::sqlite::Session;
use demarcate::{router_tx, service};

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<i64, demarcate::Error> {
    let order = tx.
}

#[service]
async fn create_order(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query("select 1").execute(tx).
    Ok(1)
}

fn main() {}
