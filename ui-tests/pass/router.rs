#![deny(warnings)]

use axum::Json;
use axum::extract::Path;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{router_tx, service};

type Reply<T> = Result<Json<T>, demarcate::Error>;

/// Its docs stay.
#[router_tx(isolation = Serializable, timeout = "5s", name = "place an order")]
pub async fn post_order(
    tx: &mut Session,
    Json(sku): Json<String>,
) -> Result<Json<i64>, demarcate::Error> {
    let order = create_order(tx, &sku).await?;
    tx.after_commit(async move { println!("{sku}") });
    if order == 0 {
        return Ok(Json(1));
    }
    Ok(Json(order))
}

#[router_tx]
async fn get_order(Path(id): Path<i64>, tx: &mut Session) -> Reply<i64> {
    create_order(&mut *tx, "a").await?;
    create_order(tx, "b").await?;
    Ok(Json(id))
}

#[router_tx(read_only, independent)]
async fn list_orders(
    mut tx: &mut Session,
    Path(mut id): Path<i64>,
) -> Result<impl IntoResponse, demarcate::Error> {
    id += 1;
    let other = &mut tx;
    create_order(other, "c").await?;
    Ok(format!("{id}"))
}

#[router_tx]
async fn nothing(_: &mut Session, _: Path<i64>) -> Result<(), demarcate::Error> {
    Ok(())
}

#[service]
async fn create_order(tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into orders (sku) values (?) returning id")
        .bind(sku)
        .fetch_one(&mut *tx)
        .await
}

#[allow(dead_code)]
async fn by_hand(db: SessionFactory) -> Result<i64, demarcate::Error> {
    let Json(id) = post_order(db, Json("a".to_owned())).await?;
    Ok(id)
}

fn main() {
    let _: axum::Router<SessionFactory> = axum::Router::new()
        .route("/", post(post_order))
        .route("/{id}", get(get_order).put(list_orders).delete(nothing));
}
