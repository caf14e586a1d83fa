use demarcate::service;
use demarcate::postgres::Session;

#[service]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("prepare place as insert into orders values ($1)").execute(&mut *tx).await?;
    sqlx::query("deallocate place").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
