//! Connections: lent, given back, dead, and not to be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use demarcate::postgres::SessionFactory;
use demarcate::{Builder, Error, TxOptions};
use demarcate_tests::on_every_database;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::task::JoinHandle;

use crate::door::{Door, clients, door};
use crate::{ITEMS, eventually};

on_every_database! {
    #[tokio::test]
    async fn an_exhausted_pool_is_an_error_that_says_how_large_it_is() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder()
            .url(db.url())
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(1))
            .connect()
            .await
            .unwrap();
        let (held, is_held) = tokio::sync::oneshot::channel();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let holder = tokio::spawn({
            let factory = factory.clone();
            async move {
                factory
                    .transaction(async move |tx| {
                        sqlx::query("select count(*) from items").execute(&mut *tx).await?;
                        held.send(()).unwrap();
                        released.await.ok();
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        is_held.await.unwrap();
        let recorder = PrometheusBuilder::new().build_recorder();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let count = async |options| {
            factory
                .transaction_with(options, async |tx: &mut Session| {
                    sqlx::query("select count(*) from items").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
        };
        let refused = count(TxOptions::new()).await;
        let Err(Error::PoolTimeout { size: 1, holders, .. }) = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!((holders.len(), holders[0].boundary.file()), (1, file!()));
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("by transaction `transaction` (tests/suite/pool.rs:"), "{message}");
        let stats = factory.stats();
        let told: Vec<_> = stats.iter().filter_map(|(_, stats)| stats.last_error.as_ref()).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].message, message);
        let page = recorder.handle().render();
        assert!(page.contains(r#"category="pool timeout"} 1"#), "{page}");
        let status = factory.pool_status();
        assert_eq!((status.max_connections, status.connections, status.idle), (1, 1, 0));
        assert!(status.holders[0].held_for >= Duration::from_secs(1), "{status:?}");
        let limit = Duration::from_millis(50);
        let refused = count(TxOptions::new().timeout(limit)).await;
        assert!(matches!(refused, Err(Error::PoolTimeout { after, .. }) if after == limit), "{refused:?}");
        release.send(()).unwrap();
        holder.await.unwrap().unwrap();
        count(TxOptions::new()).await.unwrap();
    }

    #[tokio::test]
    async fn a_url_that_cannot_be_read_is_refused_without_being_repeated() {
        let refused = SessionFactory::connect("postgrs:/user:hunter2@host:port/x").await.unwrap_err();
        assert!(matches!(refused, Error::Config { .. }), "{refused:?}");
        assert!(refused.to_string().contains("://"), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("hunter2"), "{refused}");
    }
}

#[tokio::test]
async fn a_database_that_is_down_is_said_so_at_once() {
    let (port, _kept) = crate::connect::silent_port();
    let started = Instant::now();
    let url = format!("postgres://user:hunter2@127.0.0.1:{port}/shop");
    let refused = demarcate::postgres::SessionFactory::connect(&url)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Connect { .. }), "{refused:?}");
    assert!(
        refused.to_string().contains("is the server running"),
        "{refused}"
    );
    assert!(!format!("{refused} {refused:?}").contains("hunter2"));

    let url = format!("mysql://user:hunter2@127.0.0.1:{port}/shop");
    let factory = demarcate::mysql::SessionFactory::connect_lazy(&url).unwrap();
    let refused: Result<(), Error> = factory
        .transaction(async |tx| {
            sqlx::query("select 1").execute(&mut *tx).await?;
            Ok(())
        })
        .await;
    assert!(matches!(refused, Err(Error::Connect { .. })), "{refused:?}");
    assert_eq!(refused.unwrap_err().boundary().unwrap().file(), file!());
    assert!(started.elapsed() < Duration::from_secs(5));
}

/// All pooled connections are killed by the server; the boundary after that does not notice.
#[tokio::test]
async fn dead_connections_are_replaced_unseen() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .max_connections(4)
        .connect()
        .await
        .unwrap();
    // A pooler has two of the four.
    let at_once = if db.url() == db.own_url() { 4 } else { 2 };
    let all_are_inside = tokio::sync::Barrier::new(at_once);
    let hold = async || {
        factory
            .transaction(async |tx| {
                sqlx::query("select 1").execute(&mut *tx).await?;
                all_are_inside.wait().await;
                Ok::<_, Error>(())
            })
            .await
            .unwrap()
    };
    tokio::join!(hold(), hold(), hold(), hold());
    let of_the_pool = format!(
        "from pg_stat_activity where datname = '{}' and pid <> pg_backend_pid()",
        db.name()
    );
    let pids = format!("select coalesce(string_agg(pid::text, ','), '') {of_the_pool}");
    let pids = db.admin_value::<String>(&pids).await;
    assert_eq!(pids.split(',').count(), at_once, "{pids}");
    let those = format!("{of_the_pool} and pid in ({pids})");
    let kill = format!("select count(pg_terminate_backend(pid)) {those}");
    assert_eq!(db.admin_value::<i64>(&kill).await, at_once as i64);
    eventually("they are gone", async || {
        let left = format!("select count(*) {those}");
        db.admin_value::<i64>(&left).await == 0
    })
    .await;
    tokio::join!(hold(), hold(), hold(), hold());
    let stats = factory.stats()[0].1.clone();
    assert_eq!((stats.committed, stats.rolled_back), (8, 0));
}

/// The connection is killed in the middle of a transaction: an error, and the pool is whole.
#[tokio::test]
async fn a_connection_lost_inside_a_boundary_is_an_error_and_does_not_come_back() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .max_connections(1)
        .connect()
        .await
        .unwrap();
    let result: Result<(), Error> = factory
        .transaction(async |tx| {
            let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
                .fetch_one(&mut *tx)
                .await?;
            sqlx::query("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            db.admin(&format!("select pg_terminate_backend({pid})"))
                .await;
            sqlx::query("insert into items (id) values (2)")
                .execute(&mut *tx)
                .await?;
            Ok(())
        })
        .await;
    assert!(matches!(result, Err(Error::Database { .. })), "{result:?}");
    let count: i64 = factory
        .transaction(async |tx| {
            Ok::<_, Error>(
                sqlx::query_scalar("select count(*) from items")
                    .fetch_one(&mut *tx)
                    .await?,
            )
        })
        .await
        .unwrap();
    assert_eq!(count, 0);
}

/// ... and at COMMIT nobody knows.
#[tokio::test]
async fn a_connection_lost_at_commit_is_an_unknown_outcome() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let result: Result<(), Error> = factory
        .transaction(async |tx| {
            let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
                .fetch_one(&mut *tx)
                .await?;
            sqlx::query("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            db.admin(&format!("select pg_terminate_backend({pid})"))
                .await;
            Ok(())
        })
        .await;
    assert!(
        matches!(result, Err(Error::CommitUnknown { .. })),
        "{result:?}"
    );
    assert_eq!(factory.stats()[0].1.unknown, 1);
}

/// How many sessions there are on the test's database, those of the test itself aside.
async fn sessions(db: &demarcate_tests::TestDb<sqlx::Postgres>) -> i64 {
    let sessions = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and pid <> pg_backend_pid()",
        db.name()
    );
    db.admin_value(&sessions).await
}

#[tokio::test]
async fn connections_are_made_ahead_and_closed_when_nobody_needs_them() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .min_connections(2)
        .max_connections(5)
        .idle_timeout(Duration::from_millis(200))
        .connect()
        .await
        .unwrap();
    assert_eq!(sessions(&db).await, 2);
    let all_are_inside = tokio::sync::Barrier::new(5);
    let all = futures_util::future::join_all((0..5).map(|_| {
        factory.transaction(async |tx| {
            sqlx::query("select 1").execute(&mut *tx).await?;
            all_are_inside.wait().await;
            assert_eq!(factory.pool_status().connections, 5);
            Ok::<_, Error>(())
        })
    }));
    assert!(all.await.iter().all(Result::is_ok));
    eventually(
        "those that are idle are closed, and two are left",
        async || sessions(&db).await == 2 && factory.pool_status().connections == 2,
    )
    .await;
    factory.close(crate::GRACE).await;
    eventually("none is left", async || sessions(&db).await == 0).await;
}

#[tokio::test]
async fn a_connection_that_is_old_is_replaced() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .max_connections(1)
        .max_lifetime(Duration::from_millis(300))
        .connect()
        .await
        .unwrap();
    let pid = async || -> i32 {
        factory
            .transaction(async |tx| {
                Ok::<_, Error>(
                    sqlx::query_scalar("select pg_backend_pid()")
                        .fetch_one(&mut *tx)
                        .await?,
                )
            })
            .await
            .unwrap()
    };
    let first = pid().await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_ne!(pid().await, first);
}

/// A database in memory is gone with its connection, which therefore never grows old.
#[tokio::test]
async fn a_database_in_memory_outlives_every_limit() {
    let factory = demarcate::sqlite::SessionFactory::builder()
        .url("sqlite::memory:")
        .idle_timeout(Duration::from_millis(100))
        .max_lifetime(Duration::from_millis(100))
        .connect()
        .await
        .unwrap();
    factory
        .transaction(async |tx| {
            sqlx::query("create table items (id integer)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    let count: i64 = factory
        .transaction(async |tx| {
            Ok::<_, Error>(
                sqlx::query_scalar("select count(*) from items")
                    .fetch_one(&mut *tx)
                    .await?,
            )
        })
        .await
        .unwrap();
    assert_eq!(count, 0);
}

/// A boundary that holds its connection until it is let go.
async fn hold(db: &SessionFactory) -> (tokio::sync::oneshot::Sender<()>, JoinHandle<()>) {
    let (held, is_held) = tokio::sync::oneshot::channel();
    let (let_go, go) = tokio::sync::oneshot::channel();
    let db = db.clone();
    let holder = tokio::spawn(async move {
        let done = db.transaction(async move |tx| {
            sqlx::query("select 1").execute(&mut *tx).await?;
            held.send(()).unwrap();
            go.await.ok();
            Ok::<_, Error>(())
        });
        done.await.unwrap();
    });
    is_held.await.unwrap();
    (let_go, holder)
}

async fn use_one(db: &SessionFactory, options: TxOptions) -> Result<(), Error> {
    db.transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok(())
    })
    .await
}

/// A factory behind a door, which is open first.
async fn behind_a_door(
    settings: impl FnOnce(Builder<sqlx::Postgres>) -> Builder<sqlx::Postgres>,
) -> (
    demarcate_tests::TestDb<sqlx::Postgres>,
    SessionFactory,
    tokio::sync::watch::Sender<Door>,
) {
    let db = demarcate_tests::postgres().await;
    let (url, door) = door(db.url(), Door::Open).await;
    let factory = settings(SessionFactory::builder().url(&url))
        .connect()
        .await;
    (db, factory.unwrap(), door)
}

/// Far more than a connection takes, and far less than the 30 s for which one is waited.
const AT_ONCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_connection_that_comes_back_is_taken_while_another_is_made() {
    let (_db, factory, door) = behind_a_door(|builder| builder.max_connections(2)).await;
    door.send_replace(Door::Silent);
    let (let_go, holder) = hold(&factory).await;
    let began = Instant::now();
    let (used, ()) = tokio::join!(use_one(&factory, TxOptions::new()), async {
        eventually("one waits", async || factory.pool_status().waiting == 1).await;
        let_go.send(()).unwrap();
    });
    used.unwrap();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    holder.await.unwrap();
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn a_connection_for_which_nobody_has_waited_is_there_for_the_next() {
    let slow = Door::Slow(Duration::from_millis(300));
    let (_db, factory, door) = behind_a_door(|builder| builder.max_connections(2)).await;
    // Its waiter takes the one that comes back.
    door.send_replace(slow);
    let (let_go, holder) = hold(&factory).await;
    let (used, ()) = tokio::join!(use_one(&factory, TxOptions::new()), async {
        eventually("one waits", async || factory.pool_status().waiting == 1).await;
        let_go.send(()).unwrap();
    });
    used.unwrap();
    holder.await.unwrap();
    let idle = |n| {
        let status = factory.pool_status();
        (status.connections, status.idle, status.waiting) == (n, n, 0)
    };
    eventually("it is made to the end", async || idle(2)).await;

    // Its waiter has no time to wait. An attempt of more than a second is not taken over, so that a busy machine has to try
    // again.
    for _ in 0..crate::TRIES {
        let (_db, factory, door) = behind_a_door(|builder| builder.max_connections(2)).await;
        door.send_replace(slow);
        let (let_go, holder) = hold(&factory).await;
        let hurried = TxOptions::new().timeout(Duration::from_millis(50));
        let asked = Instant::now();
        let refused = use_one(&factory, hurried.clone()).await;
        // There is room for another, so that nobody who holds one is to blame.
        assert!(matches!(refused, Err(Error::Connect { .. })), "{refused:?}");
        // The next does not begin anew.
        let began = Instant::now();
        eventually("both are let in", async || clients(&door) == 2).await;
        let is_fresh = asked.elapsed() < Duration::from_millis(500);
        if is_fresh {
            door.send_replace(Door::Silent);
            use_one(&factory, TxOptions::new()).await.unwrap();
            assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
        }
        let_go.send(()).unwrap();
        holder.await.unwrap();
        if is_fresh {
            break;
        }
    }
}

/// The server was stuck when the connection was asked for that was to be the only one.
#[tokio::test]
async fn nobody_waits_for_a_connection_that_is_stuck_when_another_can_be_made() {
    let (_db, factory, door) = behind_a_door(|builder| builder.max_connections(2)).await;
    let (let_go, holder) = hold(&factory).await;
    door.send_replace(Door::Silent);
    let hurried = TxOptions::new().timeout(Duration::from_millis(50));
    use_one(&factory, hurried.clone()).await.unwrap_err();
    eventually("it is stuck", async || clients(&door) == 2).await;
    door.send_replace(Door::Open);
    let began = Instant::now();
    use_one(&factory, TxOptions::new()).await.unwrap();
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
    let_go.send(()).unwrap();
    holder.await.unwrap();
    factory.close(crate::GRACE).await;
}

/// One of two is gone, and cannot be replaced: the other is lent as ever.
#[tokio::test]
async fn the_pool_lends_what_it_has_while_it_is_filled_up() {
    let (_db, factory, door) = behind_a_door(|builder| {
        builder
            .max_connections(2)
            .min_connections(2)
            .idle_timeout(Duration::from_millis(400))
    })
    .await;
    assert_eq!(factory.pool_status().idle, 2);
    door.send_replace(Door::Silent);
    let lost = factory.transaction(async |tx| {
        let end = "select pg_terminate_backend(pg_backend_pid())";
        sqlx::query(end).execute(&mut *tx).await?;
        Ok::<_, Error>(())
    });
    lost.await.unwrap_err();
    eventually("it is gone", async || {
        factory.pool_status().connections == 1
    })
    .await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let options = TxOptions::new().timeout(AT_ONCE);
        use_one(&factory, options).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(factory.pool_status().connections, 1);
    door.send_replace(Door::Open);
    factory.close(crate::GRACE).await;
}

/// 32 workers and two connections, until one of them has been served 50 times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_starves() {
    let db = demarcate_tests::postgres().await;
    let builder = SessionFactory::builder().url(db.url());
    let factory = builder.max_connections(2).connect().await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let workers: Vec<_> = (0..32)
        .map(|_| {
            let (factory, is_over) = (factory.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut served = 0_u32;
                while !is_over.load(Ordering::Relaxed) {
                    use_one(&factory, TxOptions::new()).await.unwrap();
                    served += 1;
                    if served == 50 {
                        is_over.store(true, Ordering::Relaxed);
                    }
                }
                served
            })
        })
        .collect();
    let mut served = Vec::new();
    for worker in workers {
        served.push(worker.await.unwrap());
    }
    let (least, most) = (served.iter().min().unwrap(), served.iter().max().unwrap());
    assert!(least * 2 >= *most, "{served:?}");
    factory.close(crate::GRACE).await;
}

/// What lies idle is closed but for the least number, which are the same ones.
#[tokio::test]
async fn the_least_number_is_left_however_long_it_lies_idle() {
    let db = demarcate_tests::postgres().await;
    let factory = SessionFactory::builder()
        .url(db.url())
        .min_connections(2)
        .idle_timeout(Duration::from_millis(300))
        .max_lifetime(None)
        .connect()
        .await
        .unwrap();
    let pids = format!(
        "select string_agg(pid::text, ',' order by pid) from pg_stat_activity \
         where datname = '{}' and pid <> pg_backend_pid()",
        db.name()
    );
    let before = db.admin_value::<String>(&pids).await;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(factory.pool_status().connections, 2);
    }
    assert_eq!(db.admin_value::<String>(&pids).await, before);
    factory.close(crate::GRACE).await;
}

/// As with `#[tokio::test]` and a factory in a `static`: whatever a runtime leaves behind when it ends, the next makes anew.
#[test]
fn connections_of_a_runtime_that_has_ended_are_lent_to_nobody() {
    let runtime = || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap()
    };
    let keep = runtime();
    let db = keep.block_on(async {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        db
    });
    let builder = SessionFactory::builder().url(db.url()).max_connections(1);
    let factory = builder.connect_lazy().unwrap();
    for id in 0..30_i64 {
        let stored = factory.transaction(async |tx| {
            let insert = sqlx::query("insert into items (id) values ($1)").bind(id);
            insert.execute(&mut *tx).await?;
            sqlx::query("select pg_sleep(0.02)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        });
        runtime().block_on(stored).unwrap();
    }
    keep.block_on(async {
        factory.close(crate::GRACE).await;
        assert_eq!(crate::items(&db).await, 30);
    });
}
