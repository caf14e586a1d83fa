use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<i64, demarcate::Error> {
    create_order(tx, order).await
}

fn main() {}
