use demarcate::background_job;
use demarcate::sqlite::Session;

#[background_job]
async fn ship(tx: &mut Session, order_id: i64) {
    let _ = sqlx::query("select ?").bind(order_id).execute(&mut *tx).await;
}

fn send() {
    let _job = ship(1);
}

fn main() {}
