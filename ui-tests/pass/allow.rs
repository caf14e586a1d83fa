#![deny(warnings)]

use demarcate::sqlite::Session;
use demarcate::{background_job, router_tx, service};
use sqlx::SqlitePool;

#[service(allow(D008, reason = "the audit log stays when the order does not"))]
async fn create_order(tx: &mut Session, audit: &SqlitePool) -> Result<(), sqlx::Error> {
    let _ = audit;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[service(
    allow(past_the_session, begin, reason = "the audit log stays when the order does not"),
    allow(commit, rollback, reason = "and has a transaction of its own")
)]
async fn log(tx: &mut Session, audit: &SqlitePool) -> Result<(), sqlx::Error> {
    let own = audit.begin().await?;
    if sqlx::query("select 1").execute(&mut *tx).await.is_ok() { own.commit().await } else { own.rollback().await }
}

#[router_tx(allow(past_the_session, reason = "a test"), allow(transaction_sql, reason = "refused when it runs"))]
async fn post_order(tx: &mut Session, audit: SqlitePool) -> Result<(), sqlx::Error> {
    create_order(tx, &audit).await?;
    sqlx::query("savepoint a").execute(&mut *tx).await?;
    Ok(())
}

#[background_job(allow(D008, reason = "a test"))]
async fn ship(tx: &mut Session, audit: SqlitePool) -> Result<(), sqlx::Error> {
    create_order(tx, &audit).await
}

fn main() {
    let _ = (post_order, ship, log);
}
