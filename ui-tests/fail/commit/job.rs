use demarcate::background_job;
use demarcate::sqlite::Session;

#[background_job]
async fn ship(tx: &mut Session, order_id: i64) -> Result<(), demarcate::Error> {
    sqlx::query("delete from orders where id = ?").bind(order_id).execute(&mut *tx).await?;
    (&mut *tx).commit().await.map_err(demarcate::Error::from)
}

fn main() {}
