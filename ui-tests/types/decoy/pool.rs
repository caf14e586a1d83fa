use demarcate::service;
use demarcate::sqlite::Session;

async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(tx.pool()).await?;
    let mut own = tx.acquire().await?;
    sqlx::query("select 1").execute(&mut *own).await?;
    sqlx::query("select 1").execute(tx.connection()).await?;
    Ok(())
}

#[service]
async fn marked(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(tx.pool()).await?;
    Ok(())
}

fn main() {}
