use demarcate::service;
use demarcate::mysql::Session;

#[service]
async fn first_page(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("handler orders open").execute(&mut *tx).await?;
    sqlx::query("execute immediate 'handler orders open as o'").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
