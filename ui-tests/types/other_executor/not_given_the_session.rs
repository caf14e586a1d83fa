use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::SqlitePool;

struct App {
    payments: Payments,
}

struct Payments {
    pool: SqlitePool,
}

impl Payments {
    async fn insert(&self, order: i64) -> Result<(), sqlx::Error> {
        sqlx::query("select $1").bind(order).execute(&self.pool).await?;
        Ok(())
    }
}

async fn audit(app: &App, what: &str) -> Result<u64, sqlx::Error> {
    let saved = sqlx::query("select $1").bind(what).execute(&app.payments.pool).await?;
    Ok(saved.rows_affected())
}

#[service]
async fn pay(tx: &mut Session, app: &App, order: i64) -> Result<u64, sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    app.payments.insert(order).await?;
    audit(app, "paid").await
}

fn main() {}
