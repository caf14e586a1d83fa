use demarcate::service;
use demarcate::postgres::Session;

#[service]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("create temporary table picked (id int)").execute(&mut *tx).await?;
    const PICK: &str = "create temp table again as select 1";
    sqlx::query(PICK).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
