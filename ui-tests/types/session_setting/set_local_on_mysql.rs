use demarcate::mysql::Session;
use demarcate::service;

#[service]
async fn place(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("set local time_zone = '+00:00'").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
