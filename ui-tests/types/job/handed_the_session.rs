use demarcate::sqlite::Session;
use demarcate::{background_job, router_tx};

#[background_job]
async fn ship(tx: &mut Session, order_id: i64) -> Result<(), demarcate::Error> {
    sqlx::query("select ?").bind(order_id).execute(&mut *tx).await?;
    Ok(())
}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    tx.after_commit(ship(tx, 1));
    Ok(())
}

fn main() {}
