use demarcate::sqlite::Session;
use demarcate::{router_tx, service};
use sqlx::SqlitePool;

// Each statement commits by itself: what was written before the one that fails stays.
#[service]
async fn create_order(pool: &SqlitePool) -> Result<(), sqlx::Error> {
    sqlx::query("insert into orders default values").execute(pool).await?;
    sqlx::query("insert into lines default values").execute(pool).await?;
    Ok(())
}

#[router_tx]
async fn post_order() -> Result<(), demarcate::Error> {
    Ok(())
}

#[service]
async fn create_line(tx: &mut Session, pool: impl sqlx::SqliteExecutor<'_>) -> Result<(), sqlx::Error> {
    sqlx::query("insert into lines default values").execute(pool).await?;
    sqlx::query("insert into lines default values").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
