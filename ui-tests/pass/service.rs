#![deny(warnings)]

use std::collections::BTreeMap;
use std::sync::Arc;

use demarcate::postgres::Session;
use demarcate::service;

pub struct Order {
    pub id: i64,
    pub sku: String,
}

#[service]
pub async fn create_order(
    tx: &mut Session,
    order: &Order,
    tags: Option<BTreeMap<String, Vec<u8>>>,
) -> Result<i64, sqlx::Error> {
    #![allow(clippy::unused_async)]
    use sqlx::Row as _;
    const SQL: &str = "insert into orders (id, sku) values ($1, $2) returning id";
    let row = sqlx::query(SQL)
        .bind(order.id)
        .bind(&order.sku)
        .fetch_one(&mut *tx)
        .await?;
    drop(tags);
    row.try_get(0)
}

#[service]
pub async fn with_callbacks(
    tx: &mut Session,
    make: impl Fn(&str) -> String + Send + Sync,
    shared: Arc<dyn Fn() -> i64 + Send + Sync>,
    &(a, ref b): &(i64, String),
    [first, ..]: [i64; 3],
) -> Result<(), sqlx::Error> {
    let order = Order {
        id: shared() + a + first,
        sku: make(b),
    };
    create_order(tx, &order, None).await?;
    let kept = tx
        .savepoint(async |tx| {
            create_order(tx, &order, None).await?;
            Ok::<_, sqlx::Error>(())
        })
        .await;
    match kept {
        Ok(()) => Ok(()),
        Err(error) => Err(error),
    }
}

#[service]
pub fn boxed<'a>(
    tx: &'a mut Session,
    order: &'a Order,
) -> std::pin::Pin<Box<dyn Future<Output = Result<i64, sqlx::Error>> + Send + 'a>> {
    Box::pin(async move { create_order(tx, order, None).await })
}

#[service]
pub async fn recursive(tx: &mut Session, depth: u32) -> Result<(), sqlx::Error> {
    if depth > 0 {
        Box::pin(recursive(tx, depth - 1)).await?;
    }
    Ok(())
}

fn main() {}
