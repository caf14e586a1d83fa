use demarcate::service;
use demarcate::sqlite::Session;

#[service]
trait Store {
    async fn create(&self, tx: &mut Session) -> i64;

    async fn read(&self, tx: Session) -> Result<(), sqlx::Error>;

    async fn remove(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("rollback").execute(&mut *tx).await?;
        Ok(())
    }
}

fn main() {}
