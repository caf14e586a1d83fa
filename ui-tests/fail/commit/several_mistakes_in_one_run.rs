use demarcate::service;
use demarcate::sqlite::Session;

#[service]
async fn create_order(tx: &mut Session, ok: bool) -> Result<(), sqlx::Error> {
    sqlx::query("begin").execute(&mut *tx).await?;
    if ok {
        tx.commit().await
    } else {
        tx.rollback().await
    }
}

fn main() {}
