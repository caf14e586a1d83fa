use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("COMMIT").execute(&mut *tx).await?;
    sqlx::query_as::<_, (i64,)>("rollback").fetch_all(&mut *tx).await?;
    sqlx::raw_sql("delete from orders; commit; begin").execute(&mut *tx).await?;
    sqlx::Executor::execute(&mut *tx, "END").await?;
    Ok(())
}

fn main() {}
