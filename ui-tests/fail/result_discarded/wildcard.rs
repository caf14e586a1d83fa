use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    let _ = sqlx::query("select 1").execute(&mut *tx).await;
    let _updated = sqlx::query("select 1").execute(&mut *tx).await;
    _ = sqlx::query("select 1").execute(&mut *tx).await;
    drop(sqlx::query("select 1").execute(&mut *tx).await);
    std::mem::drop(sqlx::query("select 1").execute(&mut *tx).await);
    sqlx::query("select 1").execute(&mut *tx).await;
    sqlx::query("select 1").execute(&mut *tx).await.ok();
    Ok(())
}

fn main() {}
