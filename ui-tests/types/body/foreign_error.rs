use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session, sku: String) -> Result<i64, demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let sku: i64 = sku.parse()?;
    Ok(sku)
}

fn main() {}
