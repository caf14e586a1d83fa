use demarcate::{router_tx, service};

#[service]
async fn create_order(pool: &sqlx::PgPool, sku: &str) -> Result<(), sqlx::Error> {
    sqlx::query("insert into orders (sku) values ($1)").bind(sku).execute(pool).await?;
    Ok(())
}

#[router_tx]
async fn post_order(pool: sqlx::PgPool) -> Result<(), demarcate::Error> {
    create_order(&pool, "tea").await?;
    Ok(())
}

fn main() {}
