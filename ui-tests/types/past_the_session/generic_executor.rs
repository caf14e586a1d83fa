use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::PgExecutor;

#[service]
async fn create_order<'c, E: PgExecutor<'c>>(tx: &mut Session, db: E) -> Result<(), sqlx::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
