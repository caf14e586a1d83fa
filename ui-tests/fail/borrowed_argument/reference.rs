use demarcate::background_job;
use demarcate::sqlite::Session;

struct Order {
    id: i64,
}

#[background_job]
async fn ship(tx: &mut Session, order: &Order, note: &str, tags: &[String]) -> Result<(), demarcate::Error> {
    sqlx::query("select ?").bind(order.id).bind(note).bind(tags.len() as i64).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
