use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session, id: Option<i64>) -> Result<(), sqlx::Error> {
    id.map(|id| save(tx, id));
    Ok(())
}

async fn save(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
    sqlx::query("insert into orders values ($1)").bind(id).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
