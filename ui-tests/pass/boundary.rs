#![deny(warnings)]

use std::sync::Arc;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{Error, TxOptions, boundary, service};
use sqlx::SqlitePool;

struct App {
    db: SessionFactory,
    pool: SqlitePool,
}

impl App {
    /// What is outside of its boundaries is the function's own business.
    #[boundary]
    async fn settle(&self, wait: std::time::Duration) -> Result<i64, Error> {
        let due: i64 = self
            .db
            .transaction(async |tx| Ok::<_, Error>(count(tx).await?))
            .await?;
        tokio::time::sleep(wait).await;
        let _ = tokio::spawn(async {}).await;
        let mut own = self.pool.begin().await?;
        sqlx::query("select 1").execute(&mut *own).await?;
        own.commit().await?;
        let db = self.db.clone();
        db.transaction_with(TxOptions::new().read_only(), async |tx: &mut Session| {
            tx.savepoint(async |tx| Ok::<_, Error>(count(tx).await?)).await?;
            Ok::<_, Error>(())
        })
        .await?;
        Ok(due)
    }

    #[boundary]
    fn later<'a>(&'a self, name: &'a str) -> impl Future<Output = Result<i64, Error>> + Send + 'a {
        self.db.transaction(async move |tx| {
            sqlx::query("select ?").bind(name).execute(&mut *tx).await?;
            Ok::<_, Error>(count(tx).await?)
        })
    }

    #[boundary(allow(D044, reason = "a scratch table of its own"))]
    async fn scratch(self: Arc<Self>) -> Result<(), Error> {
        self.db
            .transaction(async |tx| {
                sqlx::query("create temporary table scratch (a int)")
                    .execute(&mut *tx)
                    .await?;
                Ok::<_, Error>(())
            })
            .await
    }
}

/// A store of somebody else, whose method has the same name.
struct Store(Vec<i64>);

struct StoreConnection(Store);

impl StoreConnection {
    async fn transaction<T>(&mut self, work: impl AsyncFnOnce(&mut Vec<i64>) -> T) -> T {
        work(&mut self.0.0).await
    }
}

#[boundary]
async fn of_somebody_else(conn: &mut StoreConnection) -> Option<i64> {
    conn.transaction(async |list| {
        let _ = tokio::spawn(async {}).await;
        list.pop()
    })
    .await
}

#[boundary]
const fn nothing_to_ask(db: &SessionFactory) -> &SessionFactory {
    db
}

#[service]
async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

#[boundary]
#[tokio::main]
async fn main() {
    let db = SessionFactory::connect("sqlite::memory:").await.unwrap();
    let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
    let one: i64 = db
        .transaction(async |tx| Ok::<_, Error>(count(tx).await?))
        .await
        .unwrap();
    let app = Arc::new(App { db, pool });
    assert_eq!(app.settle(std::time::Duration::ZERO).await.unwrap(), one);
    assert_eq!(app.later("x").await.unwrap(), one);
    app.clone().scratch().await.unwrap();
    let mut conn = StoreConnection(Store(vec![1]));
    assert_eq!(of_somebody_else(&mut conn).await, Some(1));
    let _ = nothing_to_ask(&app.db);
}
