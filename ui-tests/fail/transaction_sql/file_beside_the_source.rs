use demarcate::postgres::Session;
use demarcate::service;

#[service]
async fn clean(tx: &mut Session) -> Result<(), sqlx::Error> {
    const CLEANUP: &str = include_str!("sql/cleanup.sql");
    sqlx::raw_sql(include_str!("sql/cleanup.sql")).execute(&mut *tx).await?;
    sqlx::raw_sql(CLEANUP).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
