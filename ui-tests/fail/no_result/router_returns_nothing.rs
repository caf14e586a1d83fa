use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) {
    let _ = sqlx::query("select 1").execute(&mut *tx).await;
}

fn main() {}
