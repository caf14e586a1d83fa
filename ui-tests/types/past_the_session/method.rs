use demarcate::service;
use demarcate::sqlite::Session;

struct Orders<P>(P);

impl Orders<sqlx::SqlitePool> {
    #[service]
    async fn create(&self, tx: &mut Session, other: &Self, db: &sqlx::SqlitePool) -> Result<(), sqlx::Error> {
        let _ = (&self.0, other, db);
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok(())
    }
}

fn main() {}
