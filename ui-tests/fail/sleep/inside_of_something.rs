use std::time::Duration;

use demarcate::service;
use demarcate::sqlite::Session;
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};

#[service(deny(sleep, channel_receive))]
async fn wait(tx: &mut Session, orders: &mut Receiver<i64>) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let nap = sleep(Duration::from_secs(1));
    let _order = timeout(Duration::from_secs(1), orders.recv()).await;
    tokio::join!(sleep(Duration::from_secs(1)), async { 5 });
    tokio::select! {
        _ = orders.recv() => {}
        _ = sleep(Duration::from_secs(1)) => {}
    }
    nap.await;
    Ok(())
}

fn main() {}
