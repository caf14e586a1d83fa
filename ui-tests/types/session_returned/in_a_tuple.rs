use std::sync::Arc;

use demarcate::router_tx;
use demarcate::sqlite::Session;
use sqlx::SqlitePool;

type Db = SqlitePool;

#[router_tx]
async fn get_order(tx: &mut Session) -> Result<(i64, Vec<Arc<Db>>), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok((1, Vec::new()))
}

fn main() {
    let _ = get_order;
}
