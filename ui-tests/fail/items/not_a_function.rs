use demarcate::{background_job, router_tx, service};

#[service]
struct Orders;

#[router_tx]
enum Reply {}

#[background_job]
const SHIP: i64 = 1;

#[router_tx]
impl Orders {
    fn new() -> Self {
        Orders
    }
}

fn main() {
    let _: (Orders, Option<Reply>, i64) = (Orders::new(), None, SHIP);
}
