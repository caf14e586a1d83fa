use std::sync::Arc;

use demarcate::service;
use demarcate::sqlite::{Session, SessionFactory};
use sqlx::SqlitePool;

#[service]
async fn of_a_reference(
    tx: &mut Session,
    holder: &(impl AsRef<SqlitePool> + Sync),
) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    sqlx::query("select 2").execute(holder.as_ref()).await?;
    Ok(())
}

#[service]
async fn of_a_conversion(
    tx: &mut Session,
    pool: impl Into<SqlitePool> + Send,
) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let pool = pool.into();
    sqlx::query("select 2").execute(&pool).await?;
    Ok(())
}

#[service]
async fn of_a_function(
    tx: &mut Session,
    open: &(dyn Fn(i64) -> SessionFactory + Sync),
) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    drop(open(1));
    Ok(())
}

#[service]
async fn of_an_iterator<S>(tx: &mut Session, shards: S) -> Result<(), sqlx::Error>
where
    S: IntoIterator<Item = (i64, Arc<SqlitePool>)> + Send,
{
    sqlx::query("select 1").execute(&mut *tx).await?;
    drop(shards);
    Ok(())
}

fn main() {}
