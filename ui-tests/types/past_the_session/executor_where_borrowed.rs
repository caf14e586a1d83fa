use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::SqliteExecutor;

struct Repo<E> {
    executor: E,
}

impl<E: Sync> Repo<E>
where
    for<'a> &'a E: SqliteExecutor<'a>,
{
    #[service]
    async fn create_order(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("select 1").execute(&mut *tx).await?;
        insert_line(&self.executor).await
    }
}

async fn insert_line<'e, E: SqliteExecutor<'e>>(executor: E) -> Result<(), sqlx::Error> {
    sqlx::query("select 2").execute(executor).await?;
    Ok(())
}

fn main() {}
