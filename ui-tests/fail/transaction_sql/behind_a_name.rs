use demarcate::background_job;
use demarcate::sqlite::Session;

#[background_job]
async fn ship(tx: &mut Session) -> Result<(), demarcate::Error> {
    const DONE: &str = "commit";
    sqlx::query(DONE).execute(&mut *tx).await?;
    sqlx::query(concat!("COM", "MIT")).execute(&mut *tx).await?;
    let sql = "rollback";
    sqlx::query(sqlx::AssertSqlSafe(sql.to_owned())).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
