use demarcate::service;
use demarcate::sqlite::Session;

struct Orders {
    pool: sqlx::SqlitePool,
}

impl Orders {
    fn pool(&self) -> &sqlx::SqlitePool {
        &self.pool
    }

    #[service]
    async fn create(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&mut *tx).await?;
        self.pool().begin().await?.rollback().await
    }
}

fn main() {}
