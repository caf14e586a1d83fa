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

mod outcomes {
    use demarcate::postgres::{Session, SessionFactory};
    use demarcate::{JobError, ReadPreference, background_job};
    use sqlx::Executor;

    use super::*;

    async fn connect(proxy: &Proxy) -> SessionFactory {
        let builder = SessionFactory::builder()
            .url(proxy.url())
            .max_connections(1);
        builder.connect().await.unwrap()
    }

    /// The runs of the boundary of that name: committed, rolled back, unknown.
    fn runs(db: &SessionFactory, name: &str) -> (u64, u64, u64) {
        let stats = db.stats();
        let (_, found) = stats.iter().find(|(site, _)| site.name() == name).unwrap();
        (found.committed, found.rolled_back, found.unknown)
    }

    /// How often the hooks of a commit and those of a rollback have run.
    #[derive(Clone, Default)]
    struct Hooks(Arc<[AtomicUsize; 2]>);

    impl Hooks {
        fn register(&self, tx: &mut Session) {
            let (committed, rolled_back) = (Arc::clone(&self.0), Arc::clone(&self.0));
            tx.after_commit(async move {
                committed[0].fetch_add(1, Ordering::Relaxed);
            });
            tx.after_rollback(async move {
                rolled_back[1].fetch_add(1, Ordering::Relaxed);
            });
        }

        fn ran(&self) -> [usize; 2] {
            [0, 1].map(|at| self.0[at].load(Ordering::Relaxed))
        }
    }

    #[tokio::test]
    async fn the_hooks_of_a_statement_that_is_stored_run_however_its_boundary_ends() {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        for (id, name) in [
            "second",
            "before_commit",
            "rollback_only",
            "late",
            "panic",
            "dropped",
        ]
        .into_iter()
        .enumerate()
        {
            let hooks = Hooks::default();
            let limit = match name {
                "late" => Duration::from_millis(500),
                _ => crate::PATIENCE,
            };
            let (stored, is_stored) = tokio::sync::oneshot::channel();
            let stored = std::sync::Mutex::new(Some(stored));
            let task = tokio::spawn({
                let (hooks, factory) = (hooks.clone(), factory.clone());
                async move {
                    let options = single().name(name).timeout(limit);
                    let run = factory.transaction_with(options, async |tx: &mut Session| {
                        hooks.register(tx);
                        if name == "before_commit" {
                            tx.before_commit(async |_: &mut Session| {
                                Err::<(), Error>(sqlx::Error::RowNotFound.into())
                            });
                        }
                        let insert = format!("insert into items (id) values ({id})");
                        sqlx::raw_sql(AssertSqlSafe(insert))
                            .execute(&mut *tx)
                            .await?;
                        if let Some(stored) = stored.lock().unwrap().take() {
                            stored.send(()).ok();
                        }
                        match name {
                            "second" => {
                                sqlx::raw_sql("select 1").execute(&mut *tx).await.ok();
                            }
                            "rollback_only" => tx.rollback_only("a dry run"),
                            "panic" => panic!("on purpose"),
                            "late" | "dropped" => std::future::pending().await,
                            _ => {}
                        }
                        Ok::<_, Error>(())
                    });
                    run.await
                }
            });
            is_stored.await.unwrap();
            if name == "dropped" {
                task.abort();
            }
            let ended = task.await;
            assert!(!matches!(ended, Ok(Ok(()))), "{name}");
            if name == "late" {
                assert!(
                    matches!(ended, Ok(Err(Error::CommitUnknown { .. }))),
                    "{ended:?}"
                );
            }
            crate::eventually(name, async || hooks.ran() == [1, 0]).await;
            assert_eq!(runs(&factory, name), (1, 0, 0), "{name}");
        }
        assert_eq!(items(&db).await, 6);
    }

    #[tokio::test]
    async fn a_statement_that_the_body_gives_up_is_an_unknown_outcome() {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        let held = proxy.before_answer(Pattern::query("insert"), Fault::Hold);
        let options = single().name("gives up").retry(3);
        let given = factory.transaction_with(options, async |tx: &mut Session| {
            let insert = sqlx::raw_sql("insert into items (id) values (1)").execute(&mut *tx);
            let reached = std::pin::pin!(held.reached());
            futures_util::future::select(std::pin::pin!(insert), reached).await;
            Ok::<_, Error>(())
        });
        let given = given.await;
        assert!(
            matches!(given, Err(Error::CommitUnknown { .. })),
            "{given:?}"
        );
        held.release();
        assert_eq!(runs(&factory, "gives up"), (0, 0, 1));
        assert_eq!(items(&db).await, 1);
    }

    #[background_job(single_statement)]
    async fn add(tx: &mut Session, id: i64, waits: bool) -> Result<(), sqlx::Error> {
        let insert = sqlx::query("insert into items (id) values ($1)").bind(id);
        insert.execute(&mut *tx).await?;
        if waits {
            std::future::pending::<()>().await;
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_job_whose_statement_may_be_stored_is_not_told_as_cancelled() {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        let job = factory.spawn(add(1, true));
        crate::eventually("it is answered", async || {
            let open = factory.open_boundaries();
            items(&db).await == 1 && open.iter().all(|open| open.running_for.is_none())
        })
        .await;
        job.abort();
        let answered = job.await.unwrap_err();
        assert!(matches!(answered, JobError::Failed { .. }), "{answered:?}");
        let held = proxy.before_answer(Pattern::request("Execute"), Fault::Hold);
        let job = factory.spawn(add(2, false));
        held.reached().await;
        job.abort();
        let open = job.await.unwrap_err();
        held.release();
        assert!(matches!(open, JobError::Failed { .. }), "{open:?}");
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn what_is_only_prepared_is_no_statement() {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let text = || AssertSqlSafe("insert into items (id) values (1)".to_owned());
        let hooks = Hooks::default();
        for describes in [false, true] {
            let failed =
                factory.transaction_with(single().name("prepares"), async |tx: &mut Session| {
                    hooks.register(tx);
                    match describes {
                        true => drop(
                            (&mut *tx)
                                .describe(sqlx::SqlSafeStr::into_sql_str(text()))
                                .await?,
                        ),
                        false => drop(
                            (&mut *tx)
                                .prepare(sqlx::SqlSafeStr::into_sql_str(text()))
                                .await?,
                        ),
                    }
                    Err::<(), Error>(sqlx::Error::RowNotFound.into())
                });
            failed.await.unwrap_err();
        }
        assert_eq!(runs(&factory, "prepares"), (0, 2, 0));
        crate::eventually("both are told", async || hooks.ran() == [0, 2]).await;
        let done = factory.transaction_with(single(), async |tx: &mut Session| {
            let insert = (&mut *tx)
                .prepare(sqlx::SqlSafeStr::into_sql_str(text()))
                .await?;
            sqlx::Statement::query(&insert).execute(&mut *tx).await?;
            Ok::<_, Error>(())
        });
        done.await.unwrap();
        assert_eq!(items(&db).await, 1);
    }

    /// The server has committed when the answer ends, whatever the body makes of its rows.
    #[tokio::test]
    async fn rows_that_nobody_reads_and_rows_that_nobody_can_read_are_stored() {
        use futures_util::TryStreamExt;

        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        for (case, name) in ["half", "undecodable"].into_iter().enumerate() {
            let hooks = Hooks::default();
            let options = single().name(name).retry(3);
            let failed = factory.transaction_with(options, async |tx: &mut Session| {
                hooks.register(tx);
                let text = format!("insert into items (id) select n + {case} * 1000 from generate_series(1, 500) n returning id");
                let text = AssertSqlSafe(text);
                if name == "half" {
                    sqlx::query(text).fetch(&mut *tx).try_next().await?;
                } else {
                    sqlx::query_scalar::<_, String>(text).fetch_all(&mut *tx).await?;
                }
                Err::<(), Error>(sqlx::Error::RowNotFound.into())
            });
            failed.await.unwrap_err();
            crate::eventually(name, async || hooks.ran() == [1, 0]).await;
            assert_eq!(runs(&factory, name), (1, 0, 0), "{name}");
        }
        assert_eq!(items(&db).await, 1_000);
    }

    /// The connection forgets its statements first, which commits nothing.
    #[tokio::test]
    async fn a_connection_that_breaks_before_the_statement_is_no_unknown_outcome() {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        let insert = async |options: TxOptions| {
            let stored = factory.transaction_with(options, async |tx: &mut Session| {
                let next = "insert into items (id) select 1 + coalesce(max(id), 0) from items";
                sqlx::query(next).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            });
            stored.await
        };
        insert(single()).await.unwrap();
        let alter = factory.transaction(async |tx| {
            let alter = "alter table items add column more int";
            sqlx::raw_sql(alter).execute(&mut *tx).await?;
            Ok::<_, Error>(())
        });
        alter.await.unwrap();
        let cut = proxy.before(Pattern::request("Close"), Fault::Cut);
        insert(single().name("cut").retry(3)).await.unwrap();
        assert!(cut.is_reached());
        assert_eq!(runs(&factory, "cut").2, 0);
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn the_same_task_reads_what_it_wrote() {
        let (primary, replica) =
            tokio::join!(demarcate_tests::postgres(), demarcate_tests::postgres());
        for db in [&primary, &replica] {
            db.admin(ITEMS).await;
        }
        let builder = SessionFactory::builder()
            .url(primary.url())
            .replica(replica.url());
        let factory = builder.connect().await.unwrap();
        let written = tokio::spawn(async move {
            let write = factory.transaction_with(single(), async |tx: &mut Session| {
                sqlx::raw_sql("insert into items (id) values (1)")
                    .execute(&mut *tx)
                    .await?;
                Ok::<_, Error>(())
            });
            write.await?;
            let reads = TxOptions::new().read_only().replica(ReadPreference::Prefer);
            let read = factory.transaction_with(reads, async |tx: &mut Session| {
                let count = "select count(*) from items";
                Ok::<i64, Error>(sqlx::query_scalar(count).fetch_one(&mut *tx).await?)
            });
            read.await
        });
        assert_eq!(written.await.unwrap().unwrap(), 1);
    }
}
