use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let mut inner = tx.begin().await?;
    sqlx::query("insert into orders (sku) values (1)").execute(&mut *inner).await?;
    inner.commit().await?;
    Ok(())
}

fn main() {}
