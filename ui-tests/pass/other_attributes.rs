//! Attributes of other crates, before and after ours.

#![deny(warnings)]

use async_trait::async_trait;
use axum::Json;
use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, router_tx, service};

/// Creates an order.
#[utoipa::path(post, path = "/orders", responses((status = 200, body = i64)))]
#[router_tx(name = "above")]
#[axum::debug_handler(state = SessionFactory)]
async fn below_utoipa(tx: &mut Session, Json(sku): Json<String>) -> Result<Json<i64>, demarcate::Error> {
    Ok(Json(create(tx, &sku).await?))
}

#[router_tx]
#[axum::debug_handler(state = SessionFactory)]
#[tracing::instrument(skip_all, err)]
#[utoipa::path(get, path = "/orders", responses((status = 200, body = i64)))]
async fn above_utoipa(tx: &mut Session) -> Result<Json<i64>, demarcate::Error> {
    Ok(Json(create(tx, "a").await?))
}

#[tracing::instrument(skip_all, err, fields(sku = %sku))]
#[service]
#[tracing::instrument(skip(tx))]
async fn create(tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into orders (sku) values (?) returning id").bind(sku).fetch_one(&mut *tx).await
}

#[background_job]
#[tracing::instrument(skip_all)]
#[must_use = "it does nothing by itself"]
async fn ship(tx: &mut Session, id: i64) -> Result<i64, demarcate::Error> {
    create(tx, "b").await?;
    Ok(id)
}

#[async_trait]
pub trait Store: Send + Sync {
    #[service]
    async fn save(&self, tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error>;

    #[service]
    async fn twice(&self, tx: &mut Session) -> Result<i64, sqlx::Error> {
        self.save(tx, "a").await?;
        self.save(tx, "b").await
    }
}

pub struct Orders(pub SessionFactory);

#[async_trait]
impl Store for Orders {
    #[service]
    async fn save(&self, tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error> {
        create(tx, sku).await
    }
}

pub struct Above;

#[service]
#[async_trait]
impl Store for Above {
    async fn save(&self, tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error> {
        create(tx, sku).await
    }
}

pub struct Below;

#[async_trait]
#[service]
impl Store for Below {
    async fn save(&self, tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error> {
        create(tx, sku).await
    }
}

#[service]
#[async_trait]
pub trait Whole {
    async fn save(&self, tx: &mut Session, sku: &str) -> Result<i64, sqlx::Error>;
}

/// A signature that is fixed from outside, as tonic's are.
#[async_trait]
pub trait Rpc {
    async fn place(&self, sku: String) -> Result<i64, demarcate::Error>;
}

#[async_trait]
impl Rpc for Orders {
    #[router_tx(from = self.0)]
    async fn place(&self, sku: String) -> Result<i64, demarcate::Error> {
        Ok(create(tx, &sku).await?)
    }
}

fn main() {
    drop(ship(1));
    let _: axum::routing::MethodRouter<SessionFactory> =
        axum::routing::post(below_utoipa).get(above_utoipa);
    let _ = (&Above as &dyn Store, &Below as &dyn Store);
}
