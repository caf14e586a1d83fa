use demarcate::service;
use demarcate::sqlite::Session;

struct Orders;

#[service]
impl Orders {
    async fn create(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok(())
    }
}

#[service]
trait Store {
    async fn create(&self, tx: &mut Session) -> Result<(), sqlx::Error>;
}

#[service]
mod orders {}

fn main() {}
