use demarcate::background_job;
use demarcate::sqlite::Session;
use tokio::sync::{mpsc, oneshot};

#[background_job(deny(channel_receive))]
async fn ship(tx: &mut Session, mut orders: mpsc::Receiver<i64>) -> Result<(), demarcate::Error> {
    while let Some(order) = orders.recv().await {
        sqlx::query("select ?").bind(order).execute(&mut *tx).await?;
    }
    let (_sender, receiver) = oneshot::channel::<i64>();
    if receiver.await.is_ok() {
        println!("done");
    }
    Ok(())
}

fn main() {}
