//! A conflict runs the boundary again; nothing else does.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use demarcate::{BoundaryStats, Error, Isolation, Retry, RetryAfter, TxOptions};
use demarcate_tests::proxy::{Fault, Pattern, Proxy};
use demarcate_tests::{TestDb, on_every_database};

use crate::{ITEMS, items};

const ACCOUNTS: &str = "create table accounts (id bigint primary key, cents bigint not null)";

/// The statistics of the only boundary there was.
fn only(stats: &[(demarcate::Site, BoundaryStats)]) -> BoundaryStats {
    assert_eq!(stats.len(), 1, "{stats:?}");
    stats[0].1.clone()
}

on_every_database! {
    #[tokio::test]
    async fn a_constraint_is_no_conflict() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        db.admin("insert into items (id) values (1)").await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let runs = AtomicU32::new(0);
        let failed: Result<(), Error> = factory
            .transaction_with(TxOptions::new().retry(5), async |tx: &mut Session| {
                runs.fetch_add(1, Ordering::SeqCst);
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                Ok(())
            })
            .await;
        assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
        assert_eq!(runs.into_inner(), 1);
        assert_eq!(only(&factory.stats()).retried, 0);
    }

    #[tokio::test]
    async fn neither_a_timeout_nor_the_bodys_own_error_is_a_conflict() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let runs = AtomicU32::new(0);
        let options = || TxOptions::new().retry(5);
        let failed: Result<(), Error> = factory
            .transaction_with(options().timeout(Duration::from_millis(200)), async |tx: &mut Session| {
                runs.fetch_add(1, Ordering::SeqCst);
                sqlx::query("select 1").execute(&mut *tx).await?;
                std::future::pending().await
            })
            .await;
        assert!(matches!(failed, Err(Error::Timeout { .. })), "{failed:?}");
        let failed: Result<(), String> = factory
            .transaction_with(options(), async |tx: &mut Session| {
                runs.fetch_add(1, Ordering::SeqCst);
                sqlx::query("select 1").execute(&mut *tx).await.map_err(|error| error.to_string())?;
                Err("no".to_owned())
            })
            .await;
        assert_eq!(failed, Err("no".to_owned()));
        assert_eq!(runs.into_inner(), 2);
    }

    #[tokio::test]
    async fn a_number_of_repeats_that_makes_no_sense_is_refused() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        for repeats in [101, 1_000_000] {
            let refused: Result<(), Error> = factory
                .transaction_with(TxOptions::new().retry(repeats), async |_: &mut Session| {
                    panic!("the body was run")
                })
                .await;
            assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
        }
    }

    /// Read, then write what was read plus one: each run must see what the other has committed.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn boundaries_that_conflict_all_end_with_the_right_sum() {
        const TASKS: u32 = 6;
        const ROUNDS: u32 = 4;
        let db = test_db().await;
        db.admin(ACCOUNTS).await;
        db.admin("insert into accounts values (1, 0), (2, 0)").await;
        let factory = SessionFactory::builder().url(db.url()).retry_budget(None).connect().await.unwrap();
        let options = || {
            TxOptions::new()
                .isolation(Isolation::Serializable)
                .retry(Retry::times(100).longest_delay(Duration::from_millis(50)))
                .timeout(Duration::from_secs(60))
        };
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..TASKS {
            let factory = factory.clone();
            tasks.spawn(async move {
                for round in 0..ROUNDS {
                    // In both orders, for deadlocks.
                    let (first, second) = if (task + round) % 2 == 0 { (1, 2) } else { (2, 1) };
                    factory
                        .transaction_with(options(), async |tx: &mut Session| {
                            for id in [first, second] {
                                let select = format!("select cents from accounts where id = {id}");
                                let cents: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(select)).fetch_one(&mut *tx).await?;
                                tokio::task::yield_now().await;
                                let update = format!("update accounts set cents = {} where id = {id}", cents + 1);
                                sqlx::query(sqlx::AssertSqlSafe(update)).execute(&mut *tx).await?;
                            }
                            Ok::<_, Error>(())
                        })
                        .await?;
                }
                Ok::<_, Error>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap().unwrap();
        }
        for id in [1, 2] {
            let cents: i64 = db.admin_value(&format!("select cents from accounts where id = {id}")).await;
            assert_eq!(cents, i64::from(TASKS * ROUNDS));
        }
        let stats = only(&factory.stats());
        assert_eq!(stats.committed, u64::from(TASKS * ROUNDS));
        assert_eq!(stats.retried, stats.rolled_back, "{stats:?}");
    }
}

/// A conflict on PostgreSQL that comes when and as often as the test wants.
const CONFLICT: &str = "do $$ begin raise exception 'made' using errcode = '40001'; end $$";

#[tokio::test]
async fn the_last_error_is_the_real_one_and_the_runs_are_counted() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let runs = AtomicU32::new(0);
    let failed: Result<(), Error> = factory
        .transaction_with(
            TxOptions::new().retry(3),
            async |tx: &mut demarcate::postgres::Session| {
                runs.fetch_add(1, Ordering::SeqCst);
                sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
                Ok(())
            },
        )
        .await;
    let Err(Error::Database { source, .. }) = failed else {
        panic!("{failed:?}");
    };
    assert_eq!(
        source.as_database_error().unwrap().code().as_deref(),
        Some("40001")
    );
    assert_eq!(runs.into_inner(), 4);
    let stats = only(&factory.stats());
    assert_eq!(
        (stats.rolled_back, stats.retried, stats.committed),
        (4, 3, 0)
    );
}

/// What the error became in the body does not matter: the session remembers.
#[tokio::test]
async fn it_works_whatever_the_body_makes_of_the_error() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let runs = AtomicU32::new(0);
    let conflicts_twice = async |tx: &mut demarcate::postgres::Session| {
        if runs.fetch_add(1, Ordering::SeqCst) % 3 < 2 {
            sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
        }
        Ok::<_, sqlx::Error>(())
    };
    let options = || TxOptions::new().retry(Retry::times(2).first_delay(Duration::from_millis(1)));
    let stringly: Result<(), String> = factory
        .transaction_with(options(), async |tx: &mut demarcate::postgres::Session| {
            conflicts_twice(tx)
                .await
                .map_err(|_| "something".to_owned())
        })
        .await;
    assert_eq!(stringly, Ok(()));
    let boxed: Result<(), Box<dyn std::error::Error + Send + Sync>> = factory
        .transaction_with(options(), async |tx: &mut demarcate::postgres::Session| {
            Ok(conflicts_twice(tx).await?)
        })
        .await;
    boxed.unwrap();
    let wrapped: anyhow::Result<()> = factory
        .transaction_with(options(), async |tx: &mut demarcate::postgres::Session| {
            Err(anyhow::Error::from(match conflicts_twice(tx).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            })
            .context("while storing"))
        })
        .await;
    wrapped.unwrap();
    // Even one that the body has swallowed.
    let swallowed: Result<(), Error> = factory
        .transaction_with(options(), async |tx: &mut demarcate::postgres::Session| {
            conflicts_twice(tx).await.ok();
            Ok(())
        })
        .await;
    swallowed.unwrap();
    // And one that came out of a savepoint.
    let scoped: Result<(), Error> = factory
        .transaction_with(options(), async |tx: &mut demarcate::postgres::Session| {
            Ok(tx.savepoint(async |tx| conflicts_twice(tx).await).await?)
        })
        .await;
    scoped.unwrap();
    assert_eq!(runs.into_inner(), 15);
}

#[tokio::test]
async fn a_conflict_that_arrives_at_the_commit_runs_it_again() {
    let db = demarcate_tests::postgres().await;
    db.admin(ACCOUNTS).await;
    db.admin("insert into accounts values (1, 100), (2, 100)")
        .await;
    // Write skew of two serializable transactions: the one that commits second fails, here at its commit.
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let runs = AtomicU32::new(0);
    let options = TxOptions::new().isolation(Isolation::Serializable).retry(1);
    factory
        .transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
            let first = runs.fetch_add(1, Ordering::SeqCst) == 0;
            let sum: i64 = sqlx::query_scalar("select sum(cents)::bigint from accounts")
                .fetch_one(&mut *tx)
                .await?;
            sqlx::query("update accounts set cents = cents - $1 where id = 1")
                .bind(sum / 2)
                .execute(&mut *tx)
                .await?;
            if first {
                let other = factory.transaction_with(
                    TxOptions::new()
                        .isolation(Isolation::Serializable)
                        .independent(),
                    async |tx: &mut demarcate::postgres::Session| {
                        let sum: i64 =
                            sqlx::query_scalar("select sum(cents)::bigint from accounts")
                                .fetch_one(&mut *tx)
                                .await?;
                        sqlx::query("update accounts set cents = cents - $1 where id = 2")
                            .bind(sum / 2)
                            .execute(&mut *tx)
                            .await?;
                        Ok::<_, Error>(())
                    },
                );
                other.await?;
            }
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(runs.into_inner(), 2);
    assert_eq!(
        db.admin_value::<i64>("select sum(cents)::bigint from accounts")
            .await,
        50
    );
}

/// A factory on PostgreSQL whose connections go through a proxy.
async fn behind_a_proxy() -> (
    TestDb<sqlx::Postgres>,
    Proxy,
    demarcate::postgres::SessionFactory,
) {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let proxy = Proxy::to(&db).await;
    let factory = demarcate::postgres::SessionFactory::connect(proxy.url());
    let factory = factory.await.unwrap();
    (db, proxy, factory)
}

#[tokio::test]
async fn a_connection_lost_before_the_commit_was_sent_runs_it_again() {
    let (db, proxy, factory) = behind_a_proxy().await;
    proxy.before(Pattern::query("insert into items"), Fault::Cut);
    let runs = AtomicU32::new(0);
    factory
        .transaction_with(
            TxOptions::new().retry(1),
            async |tx: &mut demarcate::postgres::Session| {
                runs.fetch_add(1, Ordering::SeqCst);
                sqlx::raw_sql("insert into items (id) values (1)")
                    .execute(&mut *tx)
                    .await?;
                Ok::<_, Error>(())
            },
        )
        .await
        .unwrap();
    assert_eq!(runs.into_inner(), 2);
    assert_eq!(items(&db).await, 1);
}

/// A policy says after which failures there is another run.
#[tokio::test]
async fn what_is_not_in_the_policy_is_not_run_again() {
    let (_db, proxy, factory) = behind_a_proxy().await;
    let run = async |after: RetryAfter, sql: &'static str| {
        let runs = AtomicU32::new(0);
        let retry = Retry::times(1).first_delay(Duration::ZERO).after(after);
        let done = factory.transaction_with(
            TxOptions::new().retry(retry),
            async |tx: &mut demarcate::postgres::Session| {
                runs.fetch_add(1, Ordering::SeqCst);
                sqlx::raw_sql(sql).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            },
        );
        (done.await.is_ok(), runs.load(Ordering::SeqCst))
    };
    assert_eq!(run(RetryAfter::Any, CONFLICT).await, (false, 2));
    assert_eq!(run(RetryAfter::Conflicts, CONFLICT).await, (false, 2));
    assert_eq!(run(RetryAfter::Connections, CONFLICT).await, (false, 1));
    let lost = "update items set name = 'lost'";
    for (after, expected) in [
        (RetryAfter::Any, (true, 2)),
        (RetryAfter::Connections, (true, 2)),
        (RetryAfter::Conflicts, (false, 1)),
    ] {
        let cut = proxy.before(Pattern::query(lost), Fault::Cut);
        assert_eq!(run(after, lost).await, expected, "{after:?}");
        assert!(cut.is_reached());
    }
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn an_unknown_outcome_is_never_tried_again() {
    let (_db, proxy, factory) = behind_a_proxy().await;
    proxy.before_answer(Pattern::query("COMMIT"), Fault::Cut);
    let runs = AtomicU32::new(0);
    let unknown: Result<(), Error> = factory
        .transaction_with(
            TxOptions::new().retry(5),
            async |tx: &mut demarcate::postgres::Session| {
                runs.fetch_add(1, Ordering::SeqCst);
                sqlx::raw_sql("insert into items (id) values (1)")
                    .execute(&mut *tx)
                    .await?;
                Ok(())
            },
        )
        .await;
    assert!(
        matches!(unknown, Err(Error::CommitUnknown { .. })),
        "{unknown:?}"
    );
    assert_eq!(runs.into_inner(), 1);
}

/// The hooks belong to the run that registered them.
#[tokio::test]
async fn the_hooks_are_fresh_for_each_run() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let runs = AtomicU32::new(0);
    factory
        .transaction_with(
            TxOptions::new().retry(2),
            async |tx: &mut demarcate::postgres::Session| {
                let run = runs.fetch_add(1, Ordering::SeqCst);
                let note = |what: &'static str| {
                    let seen = Arc::clone(&seen);
                    async move { seen.lock().unwrap().push((run, what)) }
                };
                tx.after_commit(note("committed"));
                tx.after_rollback(note("rolled back"));
                if run < 2 {
                    sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
                }
                Ok::<_, Error>(())
            },
        )
        .await
        .unwrap();
    factory.close(crate::GRACE).await;
    let mut seen = seen.lock().unwrap().clone();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [(0, "rolled back"), (1, "rolled back"), (2, "committed")]
    );
}

#[tokio::test]
async fn repeats_end_with_the_time_that_they_have() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    // The first is enough unless the machine does much else: one run may take longer than all of them are to.
    for within in [200, 2_000, 20_000].map(Duration::from_millis) {
        let retry = Retry::times(100)
            .first_delay(Duration::from_millis(20))
            .within(within);
        let before = factory
            .stats()
            .first()
            .map_or(0, |(_, stats)| stats.retried);
        let started = std::time::Instant::now();
        let failed: Result<(), Error> = factory
            .transaction_with(
                TxOptions::new().retry(retry),
                async |tx: &mut demarcate::postgres::Session| {
                    sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
                    Ok(())
                },
            )
            .await;
        assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
        assert!(started.elapsed() < within + Duration::from_secs(5));
        let retried = only(&factory.stats()).retried - before;
        assert!(retried < 100, "{retried}");
        if retried > 0 {
            return;
        }
    }
    panic!("it was never tried again");
}

/// A statement that the program has given too few values, or more than there can be, fails the same way each time.
macro_rules! wrong_numbers {
    ($($own:ident, $name:ident, $module:ident, $two:literal, $many:expr;)*) => {$(
        mod $own {
            use super::*;
            use demarcate::$module::{Session, SessionFactory};

            #[tokio::test]
            async fn a_wrong_number_of_values_is_no_lost_connection() {
                let db = demarcate_tests::$name().await;
                let factory = SessionFactory::builder().url(db.url()).max_connections(1);
                let factory = factory.connect().await.unwrap();
                for values in [1, $many] {
                    let runs = AtomicU32::new(0);
                    let failed = factory
                        .transaction_with(TxOptions::new().retry(2), async |tx: &mut Session| {
                            runs.fetch_add(1, Ordering::SeqCst);
                            let mut query = sqlx::query($two);
                            for value in 0..values {
                                query = query.bind(value);
                            }
                            query.execute(&mut *tx).await?;
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap_err();
                    assert_eq!(runs.into_inner(), 1, "{failed}");
                    let meaning = failed.classification();
                    assert_eq!(
                        (meaning.category, meaning.retryable),
                        (demarcate::classify::Category::Query, false),
                        "{failed}"
                    );
                    // The next has a connection at once.
                    let began = std::time::Instant::now();
                    factory
                        .transaction(async |tx| {
                            sqlx::query("select 1").execute(&mut *tx).await?;
                            Ok::<_, Error>(())
                        })
                        .await
                        .unwrap();
                    assert!(began.elapsed() < crate::PATIENCE, "{:?}", began.elapsed());
                }
                factory.close(crate::GRACE).await;
            }
        }
    )*};
}

wrong_numbers! {
    wrong_on_postgres, postgres, postgres, "select $1::int + $2::int", 70_000_i32;
    wrong_on_mariadb, mariadb, mysql, "select ? + ?", 3_i32;
}

/// A server that does not take a value says so if it is a little too large, and may hang up in the middle of one that is much
/// too large.
#[tokio::test]
async fn on_mariadb_a_value_that_is_too_large_is_not_sent_again_and_again() {
    use demarcate::HttpStatus;
    use demarcate::mysql::{Session, SessionFactory};
    use std::sync::atomic::{AtomicUsize, Ordering};

    let db = demarcate_tests::mariadb().await;
    db.admin("create table files (content longblob)").await;
    let most: u64 = db.admin_value("select @@global.max_allowed_packet").await;
    let most = usize::try_from(most).unwrap();
    let factory = SessionFactory::connect(db.url()).await.unwrap();
    for size in [most + 1000, 2 * most] {
        let runs = AtomicUsize::new(0);
        let content = vec![b'x'; size];
        let retried = demarcate::TxOptions::new().retry(5);
        let refused = factory
            .transaction_with(retried, async |tx: &mut Session| {
                runs.fetch_add(1, Ordering::Relaxed);
                let insert = sqlx::query("insert into files values (?)");
                insert.bind(&content).execute(&mut *tx).await?;
                Ok::<_, demarcate::Error>(())
            })
            .await
            .unwrap_err();
        match runs.into_inner() {
            1 => assert_eq!(refused.http_status(), 422, "{refused:#}"),
            2 if size == 2 * most => assert_eq!(refused.http_status(), 503, "{refused:#}"),
            runs => panic!("{size} bytes, {runs} runs: {refused:#}"),
        }
    }
    factory.close(crate::GRACE).await;
}
