use demarcate::sqlite::Session;
use demarcate::{router_tx, service};

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<i64, demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
}

#[service]
async fn create_order(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
}

fn main() {}
