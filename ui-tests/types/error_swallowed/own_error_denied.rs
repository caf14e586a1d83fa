#![deny(deprecated)]

use demarcate::router_tx;
use demarcate::sqlite::Session;

enum OrderError {
    SoldOut,
    Database(sqlx::Error),
}

#[router_tx(deny(error_swallowed))]
async fn post_order(tx: &mut Session) -> Result<bool, demarcate::Error> {
    if let Ok(n) = reserve(tx).await {
        println!("{n}");
    }
    match reserve(tx).await {
        Ok(_) => Ok(true),
        Err(_) => Ok(false),
    }
}

async fn reserve(tx: &mut Session) -> Result<i64, OrderError> {
    let left = sqlx::query_scalar("select 1").fetch_one(&mut *tx).await.map_err(OrderError::Database)?;
    if left == 0 { Err(OrderError::SoldOut) } else { Ok(left) }
}

fn main() {}
