use demarcate::background_job;
use demarcate::sqlite::Session;

#[background_job(from = self.db)]
async fn ship(tx: &mut Session, order_id: i64) -> Result<(), demarcate::Error> {
    sqlx::query("select ?").bind(order_id).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
