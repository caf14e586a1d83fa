//! What does not run inside a transaction.

use std::time::Duration;

use demarcate::Error;
use demarcate_tests::{TestDb, on_every_database};

use crate::one_connection::{self, answers_fit, backend};
use crate::{ITEMS, items};

on_every_database! {
    async fn start() -> (demarcate_tests::TestDb<Database>, SessionFactory) {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        (db, factory)
    }

    async fn insert(factory: &SessionFactory, id: i64) -> Result<(), Error> {
        factory.transaction(async |tx| {
            let insert = format!("insert into items (id) values ({id})");
            sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
            Ok(())
        }).await
    }

    #[tokio::test]
    async fn what_is_left_open_is_rolled_back_and_reaches_nobody() {
        let (db, factory) = start().await;
        let run = {
            let factory = factory.clone();
            async move {
                factory.connection(async |connection| {
                    sqlx::raw_sql("insert into items (id) values (1)").execute(&mut *connection).await?;
                    sqlx::raw_sql("begin").execute(&mut *connection).await?;
                    sqlx::raw_sql("insert into items (id) values (2)").execute(&mut *connection).await?;
                    sqlx::raw_sql("create temporary table mine (id int)").execute(&mut *connection).await?;
                    Ok::<_, Error>(())
                }).await
            }
        };
        tokio::spawn(run).await.unwrap().unwrap();
        insert(&factory, 3).await.unwrap();
        assert_eq!(items(&db).await, 2, "each statement commits by itself, and what was begun is rolled back");
        factory.transaction(async |tx| {
            let mine = sqlx::query("select * from mine").execute(&mut *tx).await;
            mine.unwrap_err();
            Err::<(), _>(Error::application(418, "seen"))
        }).await.unwrap_err();
        // The body's own error is returned as it is, and the connection is free again.
        let own = factory.connection(async |_| Err::<(), _>(Error::application(418, "own"))).await.unwrap_err();
        assert!(own.to_string().contains("own"), "{own}");
        insert(&factory, 4).await.unwrap();
        let status = factory.pool_status();
        assert_eq!((status.connections, status.holders.len()), (1, 0));
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn inside_a_boundary_it_is_refused() {
        let (_db, factory) = start().await;
        let inner = factory.clone();
        let nested = factory.transaction(async |_: &mut Session| {
            inner.connection(async |_| Ok::<_, Error>(())).await
        }).await.unwrap_err();
        assert!(matches!(nested, Error::NestedBoundary { .. }), "{nested}");
        let nested = factory.connection(async |_| insert(&inner, 1).await).await.unwrap_err();
        assert!(matches!(nested, Error::NestedBoundary { .. }), "{nested}");
        factory.close(crate::GRACE).await;
        let closed = factory.connection(async |_| Ok::<_, Error>(())).await.unwrap_err();
        assert!(matches!(closed, Error::Closed { .. }), "{closed}");
    }

    #[tokio::test]
    async fn a_future_that_is_dropped_or_panics_frees_the_connection() {
        let (db, factory) = start().await;
        let limit = Duration::from_millis(200);
        let held = factory.connection(async |connection| {
            sqlx::raw_sql("begin").execute(&mut *connection).await?;
            sqlx::raw_sql("insert into items (id) values (1)").execute(&mut *connection).await?;
            assert_eq!(factory.pool_status().holders[0].boundary.name(), "connection");
            std::future::pending::<Result<(), Error>>().await
        });
        tokio::time::timeout(limit, held).await.unwrap_err();
        insert(&factory, 2).await.unwrap();
        let panics = {
            let factory = factory.clone();
            tokio::spawn(async move {
                factory.connection(async |_| -> Result<(), Error> { panic!("on purpose") }).await
            })
        };
        assert!(panics.await.unwrap_err().is_panic());
        insert(&factory, 3).await.unwrap();
        assert_eq!(items(&db).await, 2);
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_factory_that_closes_stops_it() {
        let (_db, factory) = start().await;
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let running = {
            let factory = factory.clone();
            tokio::spawn(async move {
                factory.connection(async |_| {
                    begun.send(()).ok();
                    std::future::pending::<Result<(), Error>>().await
                }).await
            })
        };
        has_begun.await.unwrap();
        factory.close(Duration::from_millis(100)).await;
        let stopped = running.await.unwrap().unwrap_err();
        assert!(matches!(stopped, Error::Closed { .. }), "{stopped}");
    }
}

/// Waits until the statement that sleeps no longer runs on the server.
async fn it_is_stopped(db: &TestDb<sqlx::Postgres>) {
    let running = "select count(*) from pg_stat_activity where datname = current_database() and state = 'active' and \
                   query like 'select pg_sleep(600)%'";
    crate::eventually("the statement is stopped", async || {
        db.admin_value::<i64>(running).await == 0
    })
    .await;
}

#[tokio::test]
async fn on_postgres_an_index_is_built_concurrently_and_a_statement_is_stopped() {
    let (db, factory) = one_connection::start().await;
    let before = backend(&factory).await;
    factory
        .connection(async |connection| {
            sqlx::query("create index concurrently by_name on items (name)")
                .execute(&mut *connection)
                .await?;
            sqlx::query("vacuum items")
                .execute(&mut *connection)
                .await?;
            sqlx::query("set search_path = nowhere")
                .execute(&mut *connection)
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(backend(&factory).await, before, "the connection is kept");
    let path = factory
        .transaction(async |tx| {
            let path: String = sqlx::query_scalar("show search_path")
                .fetch_one(&mut *tx)
                .await?;
            Ok::<_, Error>(path)
        })
        .await
        .unwrap();
    assert_ne!(path, "nowhere");
    let sleeps = factory.connection(async |connection| {
        sqlx::query("select pg_sleep(600)")
            .execute(&mut *connection)
            .await?;
        Ok::<_, Error>(())
    });
    tokio::time::timeout(Duration::from_millis(300), sleeps)
        .await
        .unwrap_err();
    it_is_stopped(&db).await;
    backend(&factory).await;
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn a_statement_that_cannot_run_in_a_transaction_says_where_it_can() {
    let postgres = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(postgres.url())
        .await
        .unwrap();
    for sql in ["vacuum", "create database other", "alter system reset all"] {
        let refused = factory
            .transaction(async |tx| {
                sqlx::query(sql).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(
            refused.to_string().contains("`db.connection(..)` lends"),
            "{refused}"
        );
    }
    factory.close(crate::GRACE).await;
    let sqlite = demarcate_tests::sqlite().await;
    let factory = demarcate::sqlite::SessionFactory::connect(sqlite.url())
        .await
        .unwrap();
    let refused = factory
        .transaction(async |tx| {
            sqlx::query("vacuum").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap_err();
    assert!(
        refused.to_string().contains("`db.connection(..)` lends"),
        "{refused}"
    );
    factory.close(crate::GRACE).await;
}

/// sqlx leaves the end of some answers unread: the connection is not lent again.
#[tokio::test]
async fn a_connection_that_is_out_of_step_reaches_nobody() {
    let (_db, factory) = one_connection::start().await;
    for _ in 0..3 {
        factory
            .connection(async |connection| {
                connection
                    .copy_out_raw("copy nowhere to stdout")
                    .await
                    .map(drop)
                    .unwrap_err();
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        answers_fit(&factory).await;
        // And not by the raw connection of a session.
        let ended = factory
            .transaction(async |tx| {
                let connection = tx.unguarded().await?;
                sqlx::raw_sql("savepoint mine")
                    .execute(&mut *connection)
                    .await?;
                connection
                    .copy_out_raw("copy nowhere to stdout")
                    .await
                    .map(drop)
                    .unwrap_err();
                sqlx::raw_sql("rollback to mine")
                    .execute(&mut *connection)
                    .await
                    .ok();
                Ok::<_, Error>(())
            })
            .await;
        ended.unwrap_err();
    }
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_is_replaced() {
    let (db, factory) = one_connection::start().await;
    let end = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()";
    for _ in 0..2 {
        db.admin_value::<i64>(end).await;
        factory
            .connection(async |connection| {
                sqlx::raw_sql("vacuum").execute(&mut *connection).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    factory.close(crate::GRACE).await;
}

/// The body itself has given it up.
#[tokio::test]
async fn a_statement_that_the_body_has_left_is_stopped() {
    let (db, factory) = one_connection::start().await;
    factory
        .connection(async |connection| {
            let sleeps = sqlx::raw_sql("select pg_sleep(600)").execute(&mut *connection);
            tokio::time::timeout(Duration::from_millis(200), sleeps)
                .await
                .unwrap_err();
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    it_is_stopped(&db).await;
    factory.close(crate::GRACE).await;
}
