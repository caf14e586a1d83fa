use demarcate::{background_job, service};

#[service]
async fn reserve(conn: &mut sqlx::SqliteConnection, sku: &str) -> Result<(), sqlx::Error> {
    sqlx::query("update stock set free = free - 1 where sku = $1").bind(sku).execute(&mut *conn).await?;
    Ok(())
}

#[background_job]
async fn sweep(pool: sqlx::MySqlPool) -> Result<(), demarcate::Error> {
    sqlx::query("delete from carts").execute(&pool).await?;
    Ok(())
}

fn main() {}
