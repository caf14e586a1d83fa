use std::sync::Arc;

use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::SqlitePool;

struct App {
    pool: SqlitePool,
}

impl App {
    #[service]
    async fn count(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        let pool = &self.pool;
        sqlx::query("select 1").execute(pool).await?;
        let shared = Arc::new(self.pool.clone());
        sqlx::query("select 2").execute(&*shared).await?;
        let tx = &mut *tx;
        sqlx::query("select 3").execute(&mut *tx).await?;
        Ok(())
    }
}

fn main() {}
