use demarcate::service;
use demarcate::sqlite::Session;
use tokio::sync::mpsc::Receiver;

struct App {
    orders: Receiver<i64>,
}

#[service(deny(channel_receive))]
async fn next(tx: &mut Session, app: &mut App, also: &mut Receiver<i64>) -> Result<(), sqlx::Error> {
    app.orders.recv().await;
    also.recv().await;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
