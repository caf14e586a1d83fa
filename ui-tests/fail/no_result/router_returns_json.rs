use demarcate::router_tx;
use demarcate::sqlite::Session;

use axum::Json;
use axum::response::IntoResponse;

#[router_tx]
async fn post_order(tx: &mut Session, Json(sku): Json<String>) -> Json<String> {
    let _ = sqlx::query("select 1").execute(&mut *tx).await;
    Json(sku)
}

#[router_tx]
async fn get_order(tx: &mut Session) -> impl IntoResponse {
    let _ = sqlx::query("select 1").execute(&mut *tx).await;
    "order"
}

fn main() {}
