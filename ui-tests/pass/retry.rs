//! What is run again has its arguments anew in each run.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{Error, JobError, background_job, router_tx, service};

#[derive(Clone)]
pub struct NewOrder {
    sku: String,
    lines: Vec<i64>,
}

#[service]
async fn create(tx: &mut Session, order: NewOrder) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into orders (sku) values (?) returning id")
        .bind(order.sku)
        .fetch_one(&mut *tx)
        .await
}

/// An argument is moved out of, and changed.
#[router_tx(isolation = Serializable, retry = 3)]
pub async fn post_order(
    tx: &mut Session,
    State(note): State<String>,
    Json(mut lines): Json<Vec<i64>>,
) -> Result<Json<i64>, Error> {
    lines.push(1);
    let order = NewOrder { sku: note, lines };
    Ok(Json(create(tx, order).await?))
}

#[router_tx(retry = 3)]
pub async fn of_references<'a>(
    tx: &mut Session,
    name: &'a str,
    mut seen: HashSet<i64>,
    (first, ref second): (String, Option<String>),
    _: u8,
    price: impl Fn() -> i64 + Clone + Send + Sync,
) -> Result<&'a str, Error> {
    if !seen.insert(price()) {
        return Ok(name);
    }
    let (first, second) = (first, second.clone());
    sqlx::query("select ?, ?")
        .bind(first)
        .bind(second)
        .execute(&mut *tx)
        .await?;
    Ok(name)
}

pub struct Shop {
    db: SessionFactory,
    name: String,
}

impl Shop {
    #[router_tx(from = self.db, retry = 3)]
    pub async fn place(&self, order: NewOrder) -> Result<i64, Error> {
        sqlx::query("select ?")
            .bind(&self.name)
            .execute(&mut *tx)
            .await?;
        Ok(create(tx, order).await?)
    }

    #[background_job(retry = 3)]
    pub async fn close(
        self: Arc<Self>,
        tx: &mut Session,
        order: NewOrder,
    ) -> Result<(), sqlx::Error> {
        sqlx::query("select ?")
            .bind(&self.name)
            .execute(&mut *tx)
            .await?;
        create(tx, order).await?;
        Ok(())
    }
}

#[background_job(retry = 3, on_error = mark_failed)]
pub async fn ship(tx: &mut Session, mut order: NewOrder, id: i64) -> Result<i64, Error> {
    order.lines.clear();
    Ok(id + create(tx, order).await?)
}

#[service]
async fn mark_failed(
    tx: &mut Session,
    error: &JobError,
    order: NewOrder,
    id: i64,
) -> Result<(), sqlx::Error> {
    let text = format!("{error} {}", order.sku);
    sqlx::query("select ?, ?")
        .bind(text)
        .bind(id)
        .execute(&mut *tx)
        .await?;
    Ok(())
}

#[derive(Clone, axum::extract::FromRef)]
struct App {
    db: SessionFactory,
    note: String,
}

pub fn app(db: SessionFactory) -> Router {
    Router::new()
        .route("/orders", post(post_order))
        .with_state(App {
            db,
            note: String::new(),
        })
}

pub async fn jobs(db: SessionFactory, order: NewOrder, shop: Arc<Shop>) {
    let _ = tokio::spawn(async move {
        let _ = db.run(ship(order.clone(), 1)).await;
        let _ = db.spawn(shop.close(order)).await;
    })
    .await;
}

fn main() {}
