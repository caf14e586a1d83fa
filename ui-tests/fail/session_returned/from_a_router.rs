use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<&mut Session, demarcate::Error> {
    Ok(tx)
}

fn main() {}
