use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session, sku: &str) -> Result<(), sqlx::Error> {
    sqlx::query("insert into orders (sku) values (?)").bind(sku).execute(&mut *tx).await?;
    tx.commit().await?;
    Ok(())
}

fn main() {}
