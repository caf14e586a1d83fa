use demarcate::background_job;
use demarcate::sqlite::Session;

#[background_job]
async fn create_order(tx: &mut Session, db: sqlx::SqlitePool) -> Result<(), demarcate::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
