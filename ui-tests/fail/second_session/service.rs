use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn move_order(tx: &mut Session, other: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    sqlx::query("select 1").execute(&mut *other).await?;
    Ok(())
}

fn main() {}
