use demarcate::router_tx;
use demarcate::sqlite::Session;

// The task would use the session beside its owner, and after the commit.
#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    tokio::spawn(async move { ship(&mut *tx, 1).await });
    tx.after_commit(async move {
        let _ = ship(&mut *tx, 1).await;
    });
    Ok(())
}

async fn ship(tx: &mut Session, order: i64) -> Result<(), sqlx::Error> {
    sqlx::query("update orders set shipped = 1 where id = ?").bind(order).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
