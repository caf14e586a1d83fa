use demarcate::router_tx;

#[router_tx]
async fn post_order() -> Result<(), demarcate::Error> {
    Ok(())
}

fn main() {}
