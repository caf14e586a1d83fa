use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let raw = tx.unguarded().await?;
    sqlx::query("select 1").execute(&mut *raw).await?;
    Ok(())
}

fn main() {}
