//! What someone who trusts this with money tries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use demarcate::{Error, Retry, TxOptions, background_job, router_tx};
use demarcate_tests::on_every_database;
use demarcate_tests::proxy::{Fault, Pattern, Proxy};
use futures_util::StreamExt;

use demarcate::postgres::SessionFactory;
use tokio::sync::oneshot;

use crate::door::{Door, door};
use crate::timeouts::Slow;
use crate::{GRACE, ITEMS, eventually, is_running, items};

const SHORT: Duration = Duration::from_millis(150);

/// A conflict on PostgreSQL that comes when the test wants it.
const CONFLICT: &str = "do $$ begin raise exception 'made' using errcode = '40001'; end $$";

on_every_database! {
    /// Whoever goes on reading a stream after its error has not read the answer to its end.
    #[tokio::test]
    async fn a_stream_that_is_read_on_after_its_timeout_is_still_stopped() {
        let db = test_db().await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let options = TxOptions::new().statement_timeout(SHORT);
        let started = Instant::now();
        let failed: Result<(), Error> = factory
            .transaction_with(options, async |tx: &mut Session| {
                let steps: Vec<_> = sqlx::query(<Database as Slow>::SLOW).fetch(&mut *tx).collect().await;
                assert!(steps[0].is_err());
                Ok(())
            })
            .await;
        assert!(failed.is_err(), "{failed:?}");
        // The only connection is there again.
        factory
            .transaction_with(TxOptions::new().timeout(Duration::from_secs(3)), async |tx: &mut Session| {
                sqlx::query("select 1").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    }

    #[tokio::test]
    async fn a_hook_before_the_commit_is_ended_by_a_factory_that_closes() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (hangs, it_hangs) = oneshot::channel();
        let hanging = tokio::spawn({
            let factory = factory.clone();
            async move {
                factory
                    .transaction(async move |tx| {
                        sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                        tx.before_commit(async move |_| {
                            hangs.send(()).ok();
                            std::future::pending::<Result<(), Error>>().await
                        });
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        it_hangs.await.unwrap();
        let started = Instant::now();
        factory.close(SHORT).await;
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        let ended = hanging.await.unwrap();
        assert!(matches!(ended, Err(Error::Closed { .. })), "{ended:?}");
        assert_eq!(items(&db).await, 0);
    }

    #[background_job]
    async fn closes(db: &SessionFactory) -> Result<(), Error> {
        db.close(GRACE).await;
        Ok(())
    }

    #[tokio::test]
    async fn a_job_and_a_hook_can_close_the_factory() {
        let db = test_db().await;
        for hook in [false, true] {
            let factory = SessionFactory::connect(db.url()).await.unwrap();
            let started = Instant::now();
            if hook {
                let own = factory.clone();
                let closed = factory.transaction(async |tx| {
                    tx.after_commit(async move { own.close(GRACE).await });
                    sqlx::query("select 1").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                });
                closed.await.unwrap();
            } else {
                factory.run(closes()).await.unwrap();
            }
            assert!(started.elapsed() < GRACE / 10, "{:?}", started.elapsed());
            crate::eventually("no connection is left", async || factory.pool_status().connections == 0).await;
        }
    }

    #[tokio::test]
    async fn waits_between_runs_have_bounds() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        for retry in [
            Retry::times(1).within(Duration::MAX),
            Retry::times(1).first_delay(Duration::MAX),
            Retry::times(1).longest_delay(Duration::MAX),
        ] {
            let refused: Result<(), Error> = factory
                .transaction_with(TxOptions::new().retry(retry), async |_: &mut Session| panic!("the body was run"))
                .await;
            assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
        }
    }

    /// Statements are dropped at random on a small pool, beside boundaries that must not notice.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn whoever_is_cancelled_harms_nobody_else() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let builder = SessionFactory::builder().url(db.url()).max_connections(3);
        let factory = builder.max_lifetime(Duration::from_millis(300)).min_connections(2).connect().await.unwrap();
        let until = Instant::now() + Duration::from_secs(8);
        let mut cancelled = tokio::task::JoinSet::new();
        for seed in 0..6_u64 {
            let factory = factory.clone();
            cancelled.spawn(async move {
                let mut random = seed + 1;
                let mut count = 0;
                while Instant::now() < until {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let after = Duration::from_micros(random >> 51);
                    let boundary = factory.transaction_with(
                        TxOptions::new().read_only().lock_timeout(Duration::from_secs(2)),
                        async |tx: &mut Session| {
                            let slow = <Database as Slow>::SLOW;
                            tx.savepoint(async |tx| {
                                let _ = tokio::time::timeout(after / 2, sqlx::query(slow).fetch_all(&mut *tx)).await;
                                Err::<(), Error>(Error::from(sqlx::Error::RowNotFound))
                            })
                            .await
                            .ok();
                            sqlx::query("select 1").execute(&mut *tx).await?;
                            sqlx::query(slow).fetch_all(&mut *tx).await?;
                            Ok::<_, Error>(())
                        },
                    );
                    let _ = tokio::time::timeout(after, boundary).await;
                    count += 1;
                }
                count
            });
        }
        let mut good = 0;
        while Instant::now() < until {
            let work = factory.transaction_with(TxOptions::new().name("good"), async |tx: &mut Session| {
                let insert = format!("insert into items (id) values ({good})");
                sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
                for _ in 0..3 {
                    sqlx::query("select count(*) from items").fetch_all(&mut *tx).await?;
                }
                Ok::<_, Error>(())
            });
            work.await.unwrap();
            good += 1;
        }
        let mut count = 0;
        while let Some(ended) = cancelled.join_next().await {
            count += ended.unwrap();
        }
        factory.close(GRACE).await;
        eprintln!("{good} good, {count} cancelled");
        assert_eq!(items(&db).await, good);
        assert!(factory.pool_status().holders.is_empty());
    }
}

/// An unfinished statement on the raw connection does not take the boundary beyond its time.
#[tokio::test]
async fn a_proof_of_the_transaction_shares_the_timeout() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let started = Instant::now();
    let options = TxOptions::new().timeout(Duration::from_secs(1));
    let ended: Result<(), Error> = factory
        .transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
            let raw = tx.unguarded().await?;
            let slow = sqlx::query("select pg_sleep(8)").execute(&mut *raw);
            let _ = tokio::time::timeout(SHORT, slow).await;
            Ok(())
        })
        .await;
    assert!(ended.is_err(), "{ended:?}");
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
}

/// A boundary between two runs is an open one.
#[tokio::test]
async fn closing_waits_for_a_boundary_that_waits_for_its_next_run() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let runs = Arc::new(AtomicU32::new(0));
    let boundary = tokio::spawn({
        let (factory, runs) = (factory.clone(), Arc::clone(&runs));
        async move {
            let retry = Retry::times(9)
                .first_delay(Duration::from_secs(1))
                .longest_delay(Duration::from_secs(1));
            factory
                .transaction_with(
                    TxOptions::new().retry(retry),
                    async |tx: &mut demarcate::postgres::Session| {
                        if runs.fetch_add(1, Ordering::SeqCst) < 4 {
                            sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
                        }
                        sqlx::query("insert into items (id) values (1)")
                            .execute(&mut *tx)
                            .await?;
                        Ok::<_, Error>(())
                    },
                )
                .await
        }
    });
    crate::eventually("it has run", async || runs.load(Ordering::SeqCst) > 0).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    factory.close(GRACE).await;
    boundary.await.unwrap().unwrap();
    assert_eq!(items(&db).await, 1);
}

/// What a procedure has committed cannot be taken back, so that it must not be done again.
#[tokio::test]
async fn a_procedure_that_may_have_committed_is_not_run_again() {
    let db = demarcate_tests::mariadb().await;
    db.admin("create table payments (cents bigint)").await;
    db.admin(
        "create procedure pay() begin insert into payments values (100); commit; \
              signal sqlstate '40001' set mysql_errno = 1213, message_text = 'deadlock'; end",
    )
    .await;
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    for scoped in [false, true] {
        let before: i64 = db.admin_value("select count(*) from payments").await;
        let failed: Result<(), Error> = factory
            .transaction_with(
                TxOptions::new().retry(3),
                async |tx: &mut demarcate::mysql::Session| {
                    if scoped {
                        return tx
                            .savepoint(async |tx| {
                                sqlx::raw_sql("call pay()").execute(&mut *tx).await?;
                                Ok(())
                            })
                            .await;
                    }
                    sqlx::raw_sql("call pay()").execute(&mut *tx).await?;
                    Ok(())
                },
            )
            .await;
        assert!(failed.is_err());
        assert_eq!(
            db.admin_value::<i64>("select count(*) from payments").await - before,
            1
        );
    }
}

/// A conflict that was survived is not what came last, once the raw connection was lent.
#[tokio::test]
async fn what_the_raw_connection_did_is_not_done_again() {
    let db = demarcate_tests::postgres().await;
    db.admin("create table payments (cents bigint)").await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let failed: Result<(), Error> = factory
        .transaction_with(
            TxOptions::new().retry(3),
            async |tx: &mut demarcate::postgres::Session| {
                tx.savepoint(async |tx| {
                    sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
                .ok();
                let raw = tx.unguarded().await?;
                sqlx::raw_sql("insert into payments values (100); commit")
                    .execute(&mut *raw)
                    .await?;
                Err(Error::from(sqlx::Error::RowNotFound))
            },
        )
        .await;
    assert!(failed.is_err());
    assert_eq!(
        db.admin_value::<i64>("select count(*) from payments").await,
        1
    );
}

/// What undoes the first run must not undo the second.
#[tokio::test]
async fn the_next_run_begins_when_the_hooks_of_the_last_are_done() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let is_there = Arc::new(AtomicBool::new(false));
    let runs = AtomicU32::new(0);
    let retry = Retry::times(1).first_delay(Duration::from_millis(1));
    factory
        .transaction_with(
            TxOptions::new().retry(retry),
            async |tx: &mut demarcate::postgres::Session| {
                let file = Arc::clone(&is_there);
                tx.after_rollback(async move {
                    tokio::time::sleep(SHORT).await;
                    file.store(false, Ordering::SeqCst);
                });
                is_there.store(true, Ordering::SeqCst);
                if runs.fetch_add(1, Ordering::SeqCst) == 0 {
                    sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
                }
                Ok::<_, Error>(())
            },
        )
        .await
        .unwrap();
    factory.close(GRACE).await;
    assert!(is_there.load(Ordering::SeqCst));
}

#[router_tx(retry = 2)]
async fn answers(
    tx: &mut demarcate::postgres::Session,
    runs: Arc<AtomicU32>,
) -> Result<axum::http::StatusCode, Error> {
    if runs.fetch_add(1, Ordering::SeqCst) == 0 {
        match sqlx::raw_sql(CONFLICT).execute(&mut *tx).await {
            Ok(_) => {}
            Err(_) => return Ok(axum::http::StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
    Ok(axum::http::StatusCode::OK)
}

/// Whatever the body made of the error.
#[tokio::test]
async fn a_conflict_that_became_an_answer_runs_it_again() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let answer = answers(factory, Arc::default()).await.unwrap();
    assert_eq!(answer, axum::http::StatusCode::OK);
}

/// An order that is late would stop a statement of somebody else's.
#[tokio::test]
async fn an_order_to_stop_that_is_late_stops_nobody_else() {
    let db = demarcate_tests::postgres().await;
    let proxy = Proxy::to(&db).await;
    let builder = demarcate::postgres::SessionFactory::builder();
    let factory = builder
        .url(proxy.url())
        .max_connections(1)
        .connect()
        .await
        .unwrap();
    let point = proxy.before(Pattern::query("pg_cancel_backend"), Fault::Hold);
    let dropped = factory.transaction(async |tx| {
        sqlx::query("select pg_sleep(2.6)")
            .execute(&mut *tx)
            .await?;
        Ok::<_, Error>(())
    });
    tokio::select! {
        ended = dropped => panic!("{ended:?}"),
        () = is_running(&factory, "pg_sleep") => {}
    }
    point.reached().await;
    let next = factory.transaction(async |tx| {
        sqlx::query("select 1").execute(&mut *tx).await?;
        point.release();
        sqlx::query("select pg_sleep(1)").execute(&mut *tx).await?;
        Ok::<_, Error>(())
    });
    next.await.unwrap();
}

/// A procedure commits, and the connection is lost: whoever did it again would do it twice.
#[tokio::test]
async fn what_may_have_committed_unseen_is_not_told_as_what_may_be_sent_again() {
    let db = demarcate_tests::mariadb().await;
    db.admin(ITEMS).await;
    // What sleeps cannot be killed at any moment.
    db.admin(
        "create procedure pay() begin insert into items (id) values (1); commit; do benchmark(2000000000, md5('a')); end",
    )
    .await;
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let paid = tokio::spawn({
        let factory = factory.clone();
        async move {
            let options = TxOptions::new().retry(Retry::times(3));
            factory
                .transaction_with(options, async |tx: &mut demarcate::mysql::Session| {
                    sqlx::query("call pay()").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
        }
    });
    eventually("it has committed", async || items(&db).await == 1).await;
    let process = factory.open_boundaries()[0].process.unwrap();
    db.admin(&format!("kill connection {process}")).await;
    let failed = paid.await.unwrap().unwrap_err();
    assert!(matches!(failed, Error::CommitUnknown { .. }), "{failed:?}");
    assert!(!failed.classification().retryable);
    assert_eq!(
        (failed.problem().status, failed.problem().retry_after),
        (500, None)
    );
    let stats = factory.stats()[0].1.clone();
    assert_eq!((stats.unknown, stats.rolled_back, stats.retried), (1, 0, 0));
    assert_eq!(items(&db).await, 1);
    factory.close(GRACE).await;
}

/// What a runtime that ends was making for another is made anew by that.
#[test]
fn a_runtime_that_ends_closes_nothing_for_others() {
    let runtime = |threads| {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        runtime
            .worker_threads(threads)
            .enable_all()
            .build()
            .unwrap()
    };
    let (one, two) = (runtime(1), runtime(2));
    let (served, _db) = two.block_on(async {
        let db = demarcate_tests::postgres().await;
        let (url, door) = door(db.url(), Door::Open).await;
        let factory = SessionFactory::builder()
            .url(&url)
            .max_connections(2)
            .connect()
            .await
            .unwrap();
        let run = |is_lost: bool| {
            let (factory, (release, released)) = (factory.clone(), oneshot::channel::<()>());
            let run = async move {
                let run = factory.transaction(async move |tx| {
                    sqlx::query("select 1").execute(&mut *tx).await?;
                    if is_lost {
                        let end = "select pg_terminate_backend(pg_backend_pid())";
                        sqlx::query(end).execute(&mut *tx).await.ok();
                    }
                    released.await.ok();
                    Ok::<_, Error>(())
                });
                run.await
            };
            (release, run)
        };
        let ((closes, lost), (comes_back, plain)) = (run(true), run(false));
        tokio::spawn(lost);
        tokio::spawn(plain);
        eventually("both are lent", async || {
            factory.pool_status().holders.len() == 2
        })
        .await;
        door.send_replace(Door::Silent);
        let waits = async |waiting| {
            eventually("it waits", async || {
                factory.pool_status().waiting == waiting
            })
            .await;
        };
        let (_held, first) = run(false);
        one.spawn(first);
        waits(1).await;
        let (release, second) = run(false);
        drop(release);
        let second = tokio::spawn(second);
        waits(2).await;
        // The first has a connection made now, on its runtime.
        drop(closes);
        eventually("one is closed", async || {
            factory.pool_status().connections == 1
        })
        .await;
        // And is served with another. What is being made is the second's.
        drop(comes_back);
        waits(1).await;
        door.send_replace(Door::Open);
        one.shutdown_background();
        (second.await.unwrap(), db)
    });
    served.unwrap();
}
