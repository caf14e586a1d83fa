#![deny(warnings)]

use axum::Json;
use demarcate::sqlite::Session;
use demarcate::{background_job, router_tx, service};

#[router_tx]
#[axum::debug_handler(state = demarcate::sqlite::SessionFactory)]
#[tracing::instrument(skip(tx))]
async fn post_order(tx: &mut Session, Json(sku): Json<String>) -> Result<Json<i64>, demarcate::Error> {
    Ok(Json(create_order(tx, &sku).await?))
}

#[tracing::instrument(skip(tx))]
#[service]
async fn create_order(tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into orders (sku) values (?) returning id").bind(sku).fetch_one(&mut *tx).await
}

#[service]
#[tracing::instrument(skip_all)]
#[inline]
async fn create_other(tx: &mut Session, #[allow(unused_variables)] sku: &str) -> Result<i64, sqlx::Error> {
    create_order(tx, "other").await
}

#[cfg(all())]
#[background_job]
#[doc = "ships"]
async fn ship(tx: &mut Session, #[cfg(any())] gone: Gone, id: i64) -> Result<i64, demarcate::Error> {
    create_other(tx, "a").await?;
    Ok(id)
}

#[cfg(any())]
#[service]
async fn not_there(tx: &mut Session) {}

/// # Safety
///
/// It does nothing unsafe.
#[service]
pub async unsafe fn trusting(tx: &mut Session) -> Result<i64, sqlx::Error> {
    create_order(tx, "trusted").await
}

fn main() {
    drop(ship(1));
    let _ = trusting;
    let _: axum::routing::MethodRouter<demarcate::sqlite::SessionFactory> = axum::routing::post(post_order);
}
