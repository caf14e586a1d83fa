use demarcate::router_tx;

trait Orders {
    #[router_tx(from = self.db())]
    async fn post_order(&self) -> Result<(), demarcate::Error>;
}

fn main() {}
