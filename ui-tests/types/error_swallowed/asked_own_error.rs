#![deny(deprecated)]

use demarcate::router_tx;
use demarcate::sqlite::Session;

enum OrderError {
    SoldOut,
    Database(sqlx::Error),
}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<bool, demarcate::Error> {
    let done = reserve(tx).await.is_ok();
    Ok(done && matches!(reserve(tx).await, Ok(_)))
}

async fn reserve(tx: &mut Session) -> Result<i64, OrderError> {
    let left = sqlx::query_scalar("select 1").fetch_one(&mut *tx).await.map_err(OrderError::Database)?;
    if left == 0 { Err(OrderError::SoldOut) } else { Ok(left) }
}

fn main() {}
