use demarcate::background_job;
use demarcate::sqlite::Session;
use sqlx::Sqlite;
use sqlx::pool::PoolConnection;

#[background_job]
async fn ship(tx: &mut Session) -> Result<Option<PoolConnection<Sqlite>>, sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(None)
}

fn main() {
    let _ = ship;
}
