use std::time::Duration;

use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

fn main() {
    let _ = post_order;
    // The one error, without which nobody would read the warning here.
    let _: () = 1;
}
