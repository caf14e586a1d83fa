use demarcate::sqlite::Session;
use demarcate::{router_tx, service};

struct Orders<'a> {
    tx: &'a mut Session,
}

#[service]
impl Orders<'_> {
    async fn save(&mut self, sku: &str) -> Result<(), demarcate::Error> {
        sqlx::query("insert into orders (sku) values (?)").bind(sku).execute(&mut *self.tx).await?;
        Ok(())
    }

    async fn save_all(&mut self) -> Result<(), demarcate::Error> {
        let _ = sqlx::query("delete from orders").execute(&mut *self.tx).await;
        self.save("a").await.ok();
        Ok(())
    }
}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    let mut orders = Orders { tx };
    let _ = orders.save("a").await;
    orders.save("b").await.ok();
    let _ = orders.save("c");
    Ok(())
}

fn main() {}
