use demarcate::sqlite::SessionFactory;
use demarcate::{Error, boundary};
use sqlx::SqlitePool;

struct App {
    db: SessionFactory,
    other: SessionFactory,
    pool: SqlitePool,
}

#[boundary]
async fn settle(app: &App, pool: &SqlitePool) -> Result<(), Error> {
    sqlx::query("select 1").execute(pool).await?;
    app.db
        .transaction(async |tx| {
            sqlx::query("select 1").execute(pool).await?;
            let mut own = app.pool.begin().await?;
            sqlx::query("select 1").execute(&mut *own).await?;
            app.other.transaction(async |_| Ok::<_, Error>(())).await?;
            sqlx::query("select 1").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await
}

fn main() {}
