use demarcate::service;
use demarcate::sqlite::Session;

struct Orders {
    pool: sqlx::SqlitePool,
}

impl Orders {
    #[service]
    async fn create(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("insert into orders (sku) values (?)").bind("a").execute(&self.pool).await?;
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok(())
    }
}

fn main() {}
