#![deny(warnings)]

use demarcate::sqlite::SessionFactory;
use demarcate::{background_job, router_tx, service};

type Tx = demarcate::sqlite::Session;

#[service]
async fn create_order(#[session] tx: &mut Tx, sku: i64) -> Result<i64, sqlx::Error> {
    sqlx::query("select ?").bind(sku).execute(tx).await?;
    Ok(sku)
}

#[router_tx]
async fn post_order(sku: i64, #[session] tx: &mut Tx) -> Result<i64, demarcate::Error> {
    Ok(create_order(tx, sku).await?)
}

#[background_job]
async fn ship(#[session] tx: &mut Tx, sku: i64) -> Result<(), demarcate::Error> {
    create_order(tx, sku).await?;
    Ok(())
}

/// A session of something else, beside ours.
mod web {
    pub struct Session(pub i64);
}

#[router_tx]
async fn login(#[session] tx: &mut Tx, web: &mut web::Session) -> Result<i64, demarcate::Error> {
    web.0 += create_order(tx, 1).await?;
    Ok(web.0)
}

#[router_tx]
async fn logout(
    tx: &mut demarcate::sqlite::Session,
    web: web::Session,
) -> Result<i64, demarcate::Error> {
    create_order(tx, web.0).await?;
    Ok(web.0)
}

async fn by_hand(db: SessionFactory) -> Result<(), demarcate::Error> {
    post_order(1, db.clone()).await?;
    login(db.clone(), &mut web::Session(1)).await?;
    logout(db, web::Session(1)).await?;
    Ok(())
}

fn main() {
    let _ = by_hand;
    drop(ship(1));
}
