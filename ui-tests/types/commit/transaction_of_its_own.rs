use demarcate::service;
use demarcate::sqlite::Session;

use std::sync::LazyLock;

static DB: LazyLock<sqlx::SqlitePool> = LazyLock::new(|| sqlx::SqlitePool::connect_lazy("sqlite::memory:").unwrap());

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let mut own = DB.begin().await?;
    sqlx::query("select 1").execute(&mut *own).await?;
    own.commit().await?;
    Ok(())
}

fn main() {}
