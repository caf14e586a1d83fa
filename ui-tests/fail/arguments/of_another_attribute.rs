use demarcate::service;
use demarcate::sqlite::Session;

#[service(timeout = "5s", read_only)]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
