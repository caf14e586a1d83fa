use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    tokio::try_join!(async { sqlx::query("commit").execute(&mut *tx).await })?;
    Ok(())
}

fn main() {}
