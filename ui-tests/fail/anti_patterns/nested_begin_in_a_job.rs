use demarcate::background_job;
use demarcate::sqlite::Session;

#[background_job]
async fn ship(tx: &mut Session, order: i64) -> Result<(), demarcate::Error> {
    let mut inner = tx.begin().await?;
    sqlx::query("update orders set shipped = 1 where id = ?").bind(order).execute(&mut *inner).await?;
    inner.rollback().await?;
    sqlx::query("begin immediate").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
