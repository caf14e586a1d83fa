use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
