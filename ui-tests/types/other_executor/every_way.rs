use demarcate::router_tx;
use demarcate::sqlite::Session;
use sqlx::{Executor, QueryBuilder, Sqlite, SqlitePool};

fn pool() -> SqlitePool {
    unimplemented!()
}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    let other = pool();
    let query = sqlx::query("select 1");
    query.execute(&other).await?;
    let mut connection = pool().acquire().await?;
    sqlx::query_scalar::<_, i64>("select 1").fetch_one(&mut *connection).await?;
    QueryBuilder::<Sqlite>::new("select 1").build().fetch_all(&pool()).await?;
    other.execute("select 1").await?;
    sqlx::Executor::execute(&other, "select 1").await?;
    let both = tokio::join!(sqlx::query("select 1").execute(&other), async { 1 });
    both.0?;
    sqlx::query("select 1").execute(tx).await?;
    Ok(())
}

fn main() {}
