use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &Session) -> Result<(), demarcate::Error> {
    let _ = tx;
    Ok(())
}

fn main() {}
