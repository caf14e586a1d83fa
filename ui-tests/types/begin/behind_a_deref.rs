use std::ops::Deref;

use demarcate::service;
use demarcate::sqlite::Session;
use sqlx::SqlitePool;

struct Db(SqlitePool);

impl Deref for Db {
    type Target = SqlitePool;

    fn deref(&self) -> &SqlitePool {
        &self.0
    }
}

struct App {
    db: std::sync::Arc<Db>,
}

/// Deeper than is asked of a type: what `begin` gives says it.
#[service]
async fn create_order(tx: &mut Session, app: &App) -> Result<(), sqlx::Error> {
    let mut own = app.db.begin().await?;
    sqlx::query("select 1").execute(&mut *own).await?;
    own.commit().await?;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
