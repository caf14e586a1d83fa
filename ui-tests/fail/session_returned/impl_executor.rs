use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::SqliteExecutor;

#[service]
async fn executor(tx: &mut Session) -> Result<impl SqliteExecutor<'_>, sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(&mut *tx)
}

fn main() {
    let _ = executor;
}
