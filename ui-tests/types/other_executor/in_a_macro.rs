//! In the arguments of macros that log, make JSON or return an error.

use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::SqlitePool;

macro_rules! json {
    ({ $($key:literal : $value:expr),* }) => { vec![$(format!("{}{}", $key, $value)),*] };
}

macro_rules! ensure {
    ($holds:expr, $error:expr) => { if !$holds { return Err($error); } };
}

struct App {
    pool: SqlitePool,
}

async fn count(pool: &SqlitePool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from orders").fetch_one(pool).await
}

async fn one(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

#[service]
async fn show(tx: &mut Session, app: &App) -> Result<Vec<String>, sqlx::Error> {
    tracing::info!(orders = count(&app.pool).await?, "counted");
    tracing::warn!(one = ?one(&mut *tx).await.ok(), "left");
    ensure!(count(&app.pool).await? == 1, sqlx::Error::RowNotFound);
    Ok(json!({ "orders": count(&app.pool).await?, "one": one(tx).await.unwrap_or(0) }))
}

fn main() {}
