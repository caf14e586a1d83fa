use std::collections::HashMap;
use std::sync::OnceLock;

use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::SqlitePool;

struct Tenants {
    pools: HashMap<String, SqlitePool>,
    main: SqlitePool,
    archive: Option<SqlitePool>,
}

static POOL: OnceLock<SqlitePool> = OnceLock::new();

#[service]
async fn create_order(tx: &mut Session, tenants: &Tenants, who: &str) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let pool = tenants.pools.get(who).unwrap();
    log(pool).await?;
    log(tenants.archive.as_ref().unwrap_or(&tenants.main)).await?;
    log(POOL.get_or_init(|| unreachable!())).await?;
    let chosen;
    if who.is_empty() {
        chosen = &tenants.main;
    } else {
        chosen = &tenants.pools[who];
    }
    log(chosen).await?;
    let mut list = Vec::new();
    list.push(&tenants.main);
    for pool in list {
        log(pool).await?;
    }
    log_all(vec![tenants.main.clone()]).await?;
    log_later(|| tenants.main.clone()).await
}

async fn log(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(pool).await?;
    Ok(())
}

async fn log_all(pools: Vec<SqlitePool>) -> Result<(), sqlx::Error> {
    log(&pools[0]).await
}

async fn log_later(pool: impl Fn() -> SqlitePool) -> Result<(), sqlx::Error> {
    log(&pool()).await
}

fn main() {}
