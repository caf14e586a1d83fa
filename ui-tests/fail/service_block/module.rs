use demarcate::service;

#[service]
mod orders {
    use demarcate::sqlite::Session;

    pub async fn create(tx: &mut Session) {
        let _ = tx;
    }

    pub mod more {
        use demarcate::sqlite::Session;

        pub struct Shop;

        impl Shop {
            pub async fn buy(tx: &mut Session) -> Result<(), sqlx::Error> {
                tx.rollback().await
            }
        }
    }

    #[service(allow(comit, reason = "a slip"))]
    pub async fn remove(tx: &mut Session) -> Result<(), sqlx::Error> {
        let _ = tx;
        Ok(())
    }
}

fn main() {
    let _ = (orders::create, orders::more::Shop::buy, orders::remove);
}
