use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx(deny(sleep))]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    std::thread::sleep(std::time::Duration::from_secs(1));
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
