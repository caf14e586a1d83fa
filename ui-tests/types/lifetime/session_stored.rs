use demarcate::router_tx;
use demarcate::sqlite::Session;

struct Keep<'a> {
    tx: Option<&'a mut Session>,
}

#[router_tx]
async fn post_order(tx: &mut Session, keep: &mut Keep<'_>) -> Result<(), demarcate::Error> {
    keep.tx = Some(tx);
    Ok(())
}

fn main() {}
