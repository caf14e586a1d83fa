use demarcate::postgres::Session;
use demarcate::service;

#[service]
async fn load(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("copy orders from stdin").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
