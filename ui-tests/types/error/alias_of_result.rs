use demarcate::router_tx;
use demarcate::sqlite::Session;

#[derive(Debug)]
pub enum ApiError {}

type Reply<T> = Result<T, ApiError>;

#[router_tx]
async fn post_order(tx: &mut Session) -> Reply<i64> {
    let _ = tx;
    Ok(1)
}

fn main() {}
