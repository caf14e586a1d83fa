use demarcate::router_tx;
use demarcate::sqlite::Session;

#[derive(Debug)]
enum ApiError {}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), ApiError> {
    let _ = tx;
    Ok(())
}

fn main() {}
