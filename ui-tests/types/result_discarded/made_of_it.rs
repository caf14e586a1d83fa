use std::error::Error;

use demarcate::service;
use demarcate::sqlite::Session;
use futures_util::StreamExt;

trait Context<T> {
    fn context(self, what: &str) -> Result<T, Box<dyn Error + Send + Sync>>;

    fn logged(self) -> Self;
}

impl<T> Context<T> for Result<T, sqlx::Error> {
    fn context(self, what: &str) -> Result<T, Box<dyn Error + Send + Sync>> {
        self.map_err(|error| format!("{what}: {error}").into())
    }

    fn logged(self) -> Self {
        self
    }
}

#[service]
async fn read(tx: &mut Session) -> Result<i64, sqlx::Error> {
    let mut sum = count(tx).await.context("counting").unwrap_or_default();
    sum += count(tx).await.logged().unwrap_or_default();
    sum += count(tx).await.or(count(tx).await)?;
    sum += count(tx).await.or_else(|error| match error {
        sqlx::Error::RowNotFound => Ok(0),
        _ => Ok::<_, sqlx::Error>(-1),
    })?;
    let mut rows = sqlx::query_scalar::<_, i64>("select 1").fetch(&mut *tx);
    sum += rows.next().await.and_then(|row| row.ok()).unwrap_or(0);
    sum += rows.next().await.transpose().unwrap_or(None).unwrap_or(0);
    Ok(sum)
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
