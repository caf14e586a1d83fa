use demarcate::service;
use demarcate::sqlite::Session;

struct Orders;

#[service]
impl Orders {
    async fn create(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&mut *tx).await?;
        tx.commit().await
    }

    async fn read(&self, tx: &Session) -> Option<i64> {
        None
    }

    fn helper(&self) -> &str {
        "begin"
    }
}

fn main() {
    let _ = Orders.helper();
}
