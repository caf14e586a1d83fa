//! A factory of PostgreSQL with one connection, so that each boundary shows what the one before has left on it.

use demarcate::Error;
use demarcate::postgres::SessionFactory;
use demarcate_tests::{TestDb, postgres};
use sqlx::Postgres;

use crate::ITEMS;

/// A database with the table of items, and the factory.
pub(crate) async fn start() -> (TestDb<Postgres>, SessionFactory) {
    let db = postgres().await;
    db.admin(ITEMS).await;
    let builder = SessionFactory::builder().url(db.url()).max_connections(1);
    let factory = builder.connect().await.unwrap();
    (db, factory)
}

/// The backend that the connection leads to.
pub(crate) async fn backend(factory: &SessionFactory) -> i32 {
    let pid = factory.transaction(async |tx| {
        let pid = sqlx::query_scalar("select pg_backend_pid()")
            .fetch_one(&mut *tx)
            .await?;
        Ok::<_, Error>(pid)
    });
    pid.await.unwrap()
}

/// Asserts that each of several boundaries reads the answer to its own question.
pub(crate) async fn answers_fit(factory: &SessionFactory) {
    for n in 0..5 {
        let seen = factory.transaction(async |tx| {
            let seen: i32 = sqlx::query_scalar("select $1::int")
                .bind(n)
                .fetch_one(&mut *tx)
                .await?;
            Ok::<_, Error>(seen)
        });
        assert_eq!(seen.await.unwrap(), n);
    }
}
