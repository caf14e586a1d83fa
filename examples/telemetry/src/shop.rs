//! Something to watch: orders, and how many there are.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{Error, SqlComments, router_tx, service};
use serde::{Deserialize, Serialize};

use crate::telemetry::traceparent;

/// What a customer wants.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct NewOrder {
    /// The article's number.
    pub sku: String,
}

/// The database, which is gone with the program, and says in each statement who sent it.
///
/// # Errors
///
/// Where the table cannot be made.
pub async fn open() -> Result<SessionFactory, Error> {
    let comments = SqlComments::new()
        .application("shop")
        .traceparent(traceparent);
    let db = SessionFactory::builder()
        .url("sqlite::memory:")
        .sql_comments(comments)
        .connect()
        .await?;
    db.transaction(async |tx| create_table(tx).await.map_err(Error::from))
        .await?;
    Ok(db)
}

/// Its routes.
pub fn routes(db: SessionFactory) -> Router {
    Router::new()
        .route("/orders", post(post_order))
        .route("/orders/{sku}", get(get_order))
        .with_state(db)
}

#[router_tx]
async fn post_order(
    tx: &mut Session,
    Json(order): Json<NewOrder>,
) -> Result<(StatusCode, Json<i64>), Error> {
    let id = store(tx, &order).await?;
    tracing::info!(id, "order taken");
    Ok((StatusCode::CREATED, Json(id)))
}

#[router_tx(read_only)]
async fn get_order(tx: &mut Session, Path(sku): Path<String>) -> Result<Json<i64>, Error> {
    Ok(Json(find(tx, &sku).await?))
}

#[service]
async fn store(tx: &mut Session, order: &NewOrder) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into orders (sku) values ($1) returning id")
        .bind(&order.sku)
        .fetch_one(&mut *tx)
        .await
}

#[service]
async fn find(tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select id from orders where sku = $1")
        .bind(sku)
        .fetch_one(&mut *tx)
        .await
}

#[service]
async fn create_table(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("create table orders (id integer primary key, sku text not null unique)")
        .execute(&mut *tx)
        .await?;
    Ok(())
}
