#![deny(warnings)]

//! The futures can be spawned, and borrow what they are given.

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{router_tx, service};

#[service]
async fn create_order(tx: &mut Session, sku: &str) -> Result<usize, sqlx::Error> {
    sqlx::query("select ?").bind(sku).execute(&mut *tx).await?;
    tokio::task::yield_now().await;
    sqlx::query("select ?").bind(sku).execute(tx).await?;
    Ok(sku.len())
}

#[router_tx]
async fn post_order(tx: &mut Session, sku: String) -> Result<usize, demarcate::Error> {
    let borrowed = &sku;
    let first = create_order(tx, borrowed).await?;
    let second = create_order(&mut *tx, borrowed).await?;
    Ok(first + second)
}

#[allow(dead_code)]
fn spawn(db: SessionFactory) {
    tokio::spawn(async move { post_order(db, "a".to_owned()).await });
}

fn main() {}
