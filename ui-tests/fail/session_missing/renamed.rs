use demarcate::sqlite::Session as Tx;
use demarcate::{background_job, router_tx, service};

#[router_tx]
async fn post_order(tx: &mut Tx, sku: String) -> Result<(), demarcate::Error> {
    create_order(tx, &sku).await
}

#[service]
async fn create_order(tx: &mut Tx, sku: &str) -> Result<(), demarcate::Error> {
    sqlx::query("insert into orders (sku) values ($1)").bind(sku).execute(&mut *tx).await?;
    Ok(())
}

#[background_job]
async fn ship(tx: &mut Tx, id: i64) -> Result<(), demarcate::Error> {
    sqlx::query("update orders set state = 'shipped' where id = $1").bind(id).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
