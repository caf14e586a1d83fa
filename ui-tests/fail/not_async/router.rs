use demarcate::router_tx;
use demarcate::sqlite::Session;

#[router_tx]
fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    let _ = tx;
    Ok(())
}

fn main() {}
