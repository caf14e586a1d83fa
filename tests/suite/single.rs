//! Boundaries of one statement, which the server commits by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use demarcate::{Error, Isolation, TxOptions};
use demarcate_tests::proxy::{Fault, Pattern, Proxy};
use sqlx::AssertSqlSafe;

use crate::{ITEMS, items};

fn single() -> TxOptions {
    TxOptions::new().single_statement()
}

/// Repeats its tests on each database that is named.
macro_rules! on_each {
    (@ $name:ident, $module:ident, $slow:literal, $($item:item)*) => {
        mod $name {
            use ::demarcate::$module::{Session, SessionFactory};
            use ::demarcate_tests::$name as test_db;

            use super::*;

            /// A statement that takes long.
            #[allow(dead_code, reason = "SQLite has none")]
            const SLOW: &str = $slow;

            /// Stores one item.
            async fn store(db: &SessionFactory, options: TxOptions, id: i64) -> Result<u64, Error> {
                db.transaction_with(options, async |tx: &mut Session| {
                    let insert = format!("insert into items (id) values ({id})");
                    let stored = sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut *tx).await?;
                    Ok(stored.rows_affected())
                })
                .await
            }

            $($item)*
        }
    };
}

macro_rules! on_every_wire {
    ($($item:item)*) => {
        on_each! { @ postgres, postgres, "insert into items (id) select 9 from pg_sleep(60)", $($item)* }
        on_each! { @ mariadb, mysql, "insert into items (id) select 9 + sleep(60)", $($item)* }
    };
}

macro_rules! on_every_database {
    ($($item:item)*) => {
        mod everywhere {
            use super::*;

            on_each! { @ postgres, postgres, "", $($item)* }
            on_each! { @ mariadb, mysql, "", $($item)* }
            on_each! { @ sqlite, sqlite, "", $($item)* }
        }
    };
}

on_every_wire! {
    /// A factory of one connection, through the proxy.
    async fn connect(proxy: &Proxy) -> SessionFactory {
        let builder = SessionFactory::builder().url(proxy.url()).max_connections(1);
        let factory = builder.connect().await.unwrap();
        proxy.forget();
        factory
    }

    #[tokio::test]
    async fn it_costs_one_round_trip() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        // A connection is asked once whether it may.
        for (id, trips) in [(0, 2), (1, 1), (2, 1)] {
            proxy.forget();
            let counted = || factory.stats().iter().map(|(_, stats)| stats.round_trips).sum::<u64>();
            let before = counted();
            assert_eq!(store(&factory, single(), id).await.unwrap(), 1);
            assert_eq!(proxy.round_trips(), trips, "{:#?}", proxy.messages());
            assert_eq!(counted() - before, trips as u64, "the statistics agree with the wire");
        }
        for options in [
            single().isolation(Isolation::Serializable),
            single().lock_timeout(Duration::from_secs(1)),
        ] {
            proxy.forget();
            store(&factory, options.clone(), 3 + items(&db).await).await.unwrap();
            assert_eq!(proxy.round_trips(), 3, "{options:?}: {:#?}", proxy.messages());
        }
        assert_eq!(items(&db).await, 5);
        // One that reads leaves its connection read-only.
        for trips in [2, 1] {
            let reads = single().read_only().isolation(Isolation::ReadCommitted);
            proxy.forget();
            let count = factory.transaction_with(reads, async |tx: &mut Session| {
                let count = sqlx::raw_sql("select count(*) from items").fetch_one(&mut *tx).await?;
                Ok::<i64, Error>(sqlx::Row::try_get(&count, 0)?)
            });
            assert_eq!(count.await.unwrap(), 5);
            assert_eq!(proxy.round_trips(), trips, "{:#?}", proxy.messages());
        }
        for (id, trips) in [(100, 2), (101, 1)] {
            proxy.forget();
            store(&factory, single(), id).await.unwrap();
            assert_eq!(proxy.round_trips(), trips, "{:#?}", proxy.messages());
        }
    }

    #[tokio::test]
    async fn an_answer_that_is_lost_is_an_unknown_outcome() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        store(&factory, single(), 0).await.unwrap();
        let landed = proxy.before_answer(Pattern::query("insert"), Fault::Cut);
        let lost = store(&factory, single().retry(3), 1).await;
        assert!(matches!(lost, Err(Error::CommitUnknown { .. })), "{lost:?}");
        assert!(landed.is_reached());
        crate::eventually("it has landed", async || items(&db).await == 2).await;
        let stats = factory.stats();
        assert_eq!(stats.iter().map(|(_, stats)| stats.unknown).sum::<u64>(), 1, "{stats:?}");
    }

    /// It is not the statement that finds it dead, of which nobody would know whether it was run.
    #[tokio::test]
    async fn a_connection_that_died_long_ago_is_replaced_unseen() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        store(&factory, single(), 0).await.unwrap();
        proxy.cut();
        tokio::time::sleep(Duration::from_millis(1_100)).await;
        store(&factory, single(), 1).await.unwrap();
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn whoever_does_not_wait_for_the_answer_does_not_know_the_outcome() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        store(&factory, single(), 0).await.unwrap();
        let options = single().timeout(Duration::from_millis(500)).name("slow");
        let late = factory
            .transaction_with(options, async |tx: &mut Session| {
                sqlx::raw_sql(SLOW).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(late, Err(Error::CommitUnknown { .. })), "{late:?}");
        // It is stopped on the server, and nothing waits for it.
        store(&factory, single(), 1).await.unwrap();
        assert_eq!(items(&db).await, 2);
        let stats = factory.stats();
        let slow = stats.iter().find(|(site, _)| site.name() == "slow").unwrap();
        assert_eq!((slow.1.committed, slow.1.rolled_back, slow.1.unknown), (0, 0, 1));
    }
}

on_every_database! {
    #[tokio::test]
    async fn a_second_statement_is_refused_and_the_first_stays() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        for id in [0_i64, 10] {
            let refused = factory
                .transaction_with(single(), async |tx: &mut Session| {
                    for id in id..id + 3 {
                        let insert = format!("insert into items (id) values ({id})");
                        sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut *tx).await?;
                    }
                    Ok::<_, Error>(())
                })
                .await
                .unwrap_err();
            assert!(matches!(refused, Error::Unsupported { .. }), "{refused:?}");
            let said = refused.to_string();
            assert!(said.contains("second statement") && said.contains("leave the option out"), "{said}");
        }
        // Before anything is sent.
        let before = items(&db).await;
        let two = factory
            .transaction_with(single(), async |tx: &mut Session| {
                let two = "insert into items (id) values (5); insert into items (id) values (6)";
                sqlx::raw_sql(two).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(two, Err(Error::Unsupported { .. })), "{two:?}");
        let savepoint = factory
            .transaction_with(single(), async |tx: &mut Session| {
                tx.savepoint(async |_| Ok::<_, Error>(())).await
            })
            .await;
        assert!(matches!(savepoint, Err(Error::Unsupported { .. })), "{savepoint:?}");
        let raw = factory
            .transaction_with(single(), async |tx: &mut Session| tx.unguarded().await.map(drop))
            .await;
        assert!(matches!(raw, Err(Error::Unsupported { .. })), "{raw:?}");
        assert_eq!(items(&db).await, before);
    }

    /// Nothing can be taken back that the server has committed; the statistics and the hooks do not say otherwise.
    #[tokio::test]
    async fn an_error_after_the_statement_does_not_undo_it_where_it_is_alone() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let hooks = Arc::new(AtomicUsize::new(0));
        let failed = factory
            .transaction_with(single().name("failed"), async |tx: &mut Session| {
                let hooks = Arc::clone(&hooks);
                tx.after_commit(async move {
                    hooks.fetch_add(1, Ordering::Relaxed);
                });
                sqlx::raw_sql("insert into items (id) values (1)").execute(&mut *tx).await?;
                Err::<(), Error>(sqlx::Error::RowNotFound.into())
            })
            .await;
        assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
        let stats = factory.stats();
        let stats = &stats.iter().find(|(site, _)| site.name() == "failed").unwrap().1;
        factory.close(crate::GRACE).await;
        let stored = items(&db).await;
        assert_eq!((stored as u64, stored as usize), (stats.committed, hooks.load(Ordering::Relaxed)));
        assert_eq!(stats.rolled_back + stats.committed, 1);
    }

    #[tokio::test]
    async fn a_statement_that_fails_is_rolled_back() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        store(&factory, single(), 1).await.unwrap();
        let refused = store(&factory, single().name("twice"), 1).await;
        assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
        // A body that goes on all the same.
        let swallowed = factory
            .transaction_with(single(), async |tx: &mut Session| {
                sqlx::raw_sql("insert into items (id) values (1)").execute(&mut *tx).await.ok();
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(swallowed, Err(Error::Aborted { .. })), "{swallowed:?}");
        let stats = factory.stats();
        let stats = &stats.iter().find(|(site, _)| site.name() == "twice").unwrap().1;
        assert_eq!((stats.committed, stats.rolled_back, stats.unknown), (0, 1, 0));
        store(&factory, single(), 2).await.unwrap();
        assert_eq!(items(&db).await, 2);
    }
}
