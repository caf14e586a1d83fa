use std::sync::{Arc, LazyLock, OnceLock};

use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::{Acquire, Connection, Executor, SqliteConnection, SqliteExecutor, SqlitePool};

static POOL: LazyLock<SqlitePool> = LazyLock::new(|| unimplemented!());
static CELL: OnceLock<SqlitePool> = OnceLock::new();

struct App {
    pool: SqlitePool,
    pools: Vec<SqlitePool>,
    replica: Option<Arc<SqlitePool>>,
    sql: &'static str,
}

impl App {
    fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}

struct Repository<'a> {
    pool: &'a SqlitePool,
}

trait Orders {
    async fn insert_order(&self, sku: &str) -> Result<(), sqlx::Error>;
}

impl Orders for SqlitePool {
    async fn insert_order(&self, _sku: &str) -> Result<(), sqlx::Error> {
        Ok(())
    }
}

async fn insert_line(_: impl SqliteExecutor<'_>) -> Result<(), sqlx::Error> {
    Ok(())
}

async fn count(_: &SqlitePool) -> Result<(), sqlx::Error> {
    Ok(())
}

fn make_query() -> sqlx::query::Query<'static, sqlx::Sqlite, sqlx::sqlite::SqliteArguments> {
    sqlx::query("select 1")
}

#[service]
async fn pay(tx: &mut Session, app: &App) -> Result<(), sqlx::Error> {
    insert_line(&app.pool).await?;
    count(app.pool()).await?;
    count(&app.pools[0]).await?;
    if let Some(replica) = &app.replica {
        count(replica).await?;
    }
    let alias = app.pool.clone();
    count(&alias).await?;
    let App { pool, .. } = app;
    count(pool).await?;
    count(&POOL).await?;
    count(CELL.get().unwrap()).await?;
    let repository = Repository { pool: &app.pools[1] };
    make_query().execute(&app.pools[2]).await?;
    app.pools[3].execute(app.sql).await?;
    app.pools[4].insert_order("a").await?;
    app.pools[5].try_acquire();
    Acquire::acquire(&app.pools[6]).await?;
    SqliteConnection::connect("sqlite::memory:").await?;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
