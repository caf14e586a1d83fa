//! Locks go when the caller goes: a statement that nobody waits for is stopped on the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use demarcate::{Error, TxOptions};
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

/// How soon another can have what an abandoned boundary had locked, besides the time that [`CONNECTS`] take.
const SOON: Duration = Duration::from_millis(100);

/// So many times the time of a new connection, which the order to stop a statement takes: other programs use this machine as
/// well, and delay both alike.
const CONNECTS: u32 = 5;

/// It has to be as soon as that once in so many times.
const TRIES: usize = 10;

/// And never later than this. Left to itself, each statement here runs for 20 s.
const AT_LAST: Duration = Duration::from_secs(3);

/// A statement that locks a row, or the database, and then runs for long.
trait Holds {
    const HOLDS: &'static str;
}

impl Holds for sqlx::Postgres {
    const HOLDS: &'static str = "update items set name = pg_sleep(20)::text where id = 1";
}

impl Holds for sqlx::MySql {
    const HOLDS: &'static str = "update items set name = sleep(20) where id = 1";
}

impl Holds for sqlx::Sqlite {
    const HOLDS: &'static str = "update items set name =
        (with recursive n (i) as (select 1 union all select i + 1 from n limit 2000000000) select count(*) from n)
        where id = 1";
}

#[derive(Clone, Copy, Debug)]
enum Cause {
    Timeout,
    Select,
    Abort,
    BoundaryTimeout,
}

on_every_database! {
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn of_a_statement_that_was_running() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        db.admin("insert into items (id) values (1), (2)").await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(2).connect().await.unwrap();
        let running = Duration::from_millis(150);
        let causes = [Cause::Timeout, Cause::Select, Cause::Abort, Cause::BoundaryTimeout];
        let mut soonest = [Duration::MAX; 4];
        for (number, cause) in (0..4).cycle().zip(causes.into_iter().cycle()).take(4 * TRIES) {
            if soonest[number] < SOON {
                continue;
            }
            let connecting = Instant::now();
            db.admin("select 1").await;
            let delay = CONNECTS * connecting.elapsed();
            let limit = match cause {
                Cause::BoundaryTimeout => running,
                _ => Duration::from_secs(30),
            };
            let boundary = {
                let factory = factory.clone();
                async move {
                    let options = TxOptions::new().timeout(limit);
                    factory
                        .transaction_with(options, async |tx: &mut Session| {
                            sqlx::query("update items set name = 'mine' where id = 2").execute(&mut *tx).await?;
                            sqlx::query(<Database as Holds>::HOLDS).execute(&mut *tx).await?;
                            Ok::<_, Error>(())
                        })
                        .await
                }
            };
            match cause {
                Cause::Timeout => assert!(tokio::time::timeout(running, boundary).await.is_err()),
                Cause::Select => tokio::select! {
                    ended = boundary => panic!("{ended:?}"),
                    () = tokio::time::sleep(running) => {}
                },
                Cause::Abort => {
                    let task = tokio::spawn(boundary);
                    tokio::time::sleep(running).await;
                    task.abort();
                    assert!(task.await.unwrap_err().is_cancelled());
                }
                Cause::BoundaryTimeout => {
                    let ended = boundary.await;
                    assert!(matches!(ended, Err(Error::Timeout { .. })), "{ended:?}");
                }
            }
            let gone = Instant::now();
            factory
                .transaction(async |tx| {
                    sqlx::query("update items set name = 'next' where id in (1, 2)").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            let waited = gone.elapsed();
            assert!(waited < AT_LAST, "{cause:?}: another had to wait for {waited:?}");
            soonest[number] = soonest[number].min(waited.saturating_sub(delay));
        }
        assert!(soonest.iter().all(|waited| *waited < SOON), "{causes:?}: {soonest:?}");
        assert_eq!(items(&db).await, 2);
        factory.close(crate::GRACE).await;
    }

    /// The scope is left behind, and what comes after it is kept. MySQL's connection cannot be used any more.
    #[tokio::test]
    async fn of_a_statement_in_a_savepoint_that_was_given_up() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        db.admin("insert into items (id) values (1)").await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let started = Instant::now();
        let ended: Result<(), Error> = factory
            .transaction(async |tx| {
                let given_up: Result<(), Error> = tx
                    .savepoint(async |tx| {
                        let held = sqlx::query(<Database as Holds>::HOLDS).execute(&mut *tx);
                        let late = tokio::time::timeout(Duration::from_millis(150), held).await;
                        assert!(late.is_err());
                        Err(sqlx::Error::RowNotFound.into())
                    })
                    .await;
                assert!(given_up.is_err());
                sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await?;
                Ok(())
            })
            .await;
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        match ended {
            Ok(()) => assert_eq!(items(&db).await, 2),
            Err(Error::Aborted { .. }) => {
                factory.close(crate::GRACE).await;
                assert_eq!(items(&db).await, 1);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

/// PostgreSQL keeps the connection: what was stopped was the statement alone.
#[tokio::test]
async fn on_postgres_the_connection_is_kept() {
    let db = demarcate_tests::postgres().await;
    let builder = demarcate::postgres::SessionFactory::builder();
    let factory = builder
        .url(db.url())
        .max_connections(1)
        .connect()
        .await
        .unwrap();
    let pid = async || -> Result<i32, Error> {
        factory
            .transaction(async |tx| {
                Ok::<_, Error>(
                    sqlx::query_scalar("select pg_backend_pid()")
                        .fetch_one(&mut *tx)
                        .await?,
                )
            })
            .await
    };
    // The first is enough unless the machine does much else: a begin that is given up costs the connection.
    for limit in [100, 1_000, 10_000].map(Duration::from_millis) {
        let before = pid().await.unwrap();
        let has_begun = AtomicBool::new(false);
        let slow: Result<(), Error> = factory
            .transaction_with(
                TxOptions::new().timeout(limit),
                async |tx: &mut demarcate::postgres::Session| {
                    sqlx::query("select 1").execute(&mut *tx).await?;
                    has_begun.store(true, Ordering::Relaxed);
                    sqlx::query("select pg_sleep(20)").execute(&mut *tx).await?;
                    Ok(())
                },
            )
            .await;
        assert!(matches!(slow, Err(Error::Timeout { .. })), "{slow:?}");
        if has_begun.into_inner() {
            assert_eq!(pid().await.unwrap(), before);
            return;
        }
    }
    panic!("it never began in time");
}

/// The wire is cut while a statement runs: the server would find out when it has its answer.
#[tokio::test]
async fn of_a_connection_that_was_cut() {
    use demarcate_tests::proxy::Proxy;

    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    db.admin("insert into items (id) values (1)").await;
    let proxy = Proxy::to(&db).await;
    let factory = demarcate::postgres::SessionFactory::connect(proxy.url())
        .await
        .unwrap();
    let boundary = factory.transaction(async |tx| {
        sqlx::query(<sqlx::Postgres as Holds>::HOLDS)
            .execute(&mut *tx)
            .await?;
        Ok::<_, Error>(())
    });
    let running = "select count(*) from pg_stat_activity \
                   where datname = current_database() and wait_event = 'PgSleep'";
    let cut = async {
        crate::eventually("the statement runs", async || {
            db.admin_value::<i64>(running).await == 1
        })
        .await;
        proxy.cut();
    };
    let (ended, ()) = tokio::join!(boundary, cut);
    assert!(ended.is_err());
    let gone = Instant::now();
    db.admin("update items set name = 'next' where id = 1")
        .await;
    assert!(gone.elapsed() < AT_LAST, "{:?}", gone.elapsed());
}

/// Whoever waits in vain for the file is told who has it.
#[tokio::test]
async fn on_sqlite_a_file_that_is_locked_names_who_holds_it() {
    use demarcate::sqlite::{Session, SessionFactory};

    let db = demarcate_tests::sqlite().await;
    let factory = SessionFactory::connect(db.url()).await.unwrap();
    let writes = TxOptions::new().name("writes");
    let refused = factory
        .transaction_with(writes, async |tx: &mut Session| {
            sqlx::query("create table held (id int)")
                .execute(&mut *tx)
                .await?;
            let factory = factory.clone();
            let options = TxOptions::new().lock_timeout(std::time::Duration::from_millis(50));
            let other = tokio::spawn(async move {
                factory
                    .transaction_with(options, async |tx: &mut Session| {
                        sqlx::query("select 1").execute(&mut *tx).await?;
                        Ok::<_, Error>(())
                    })
                    .await
            });
            Ok::<_, Error>(other.await.unwrap().unwrap_err())
        })
        .await
        .unwrap();
    let said = refused.to_string();
    assert!(
        said.contains("the file is locked by transaction `writes` ("),
        "{said}"
    );
    assert!(said.contains("`read_only`"), "{said}");
    factory.close(crate::GRACE).await;
}

/// The wait itself cannot be ended: its connection is left to it, and the pool opens another one.
#[tokio::test]
async fn on_sqlite_a_wait_for_the_lock_ends_for_the_pool_when_its_caller_goes() {
    use demarcate::sqlite::{Session, SessionFactory};
    use std::time::Duration;

    let db = demarcate_tests::sqlite().await;
    db.admin("create table items (id int)").await;
    let builder = SessionFactory::builder().url(db.url()).max_connections(1);
    let factory = builder
        .acquire_timeout(Duration::from_secs(20))
        .connect()
        .await
        .unwrap();
    let mut holder = db.connect().await;
    sqlx::raw_sql("begin immediate")
        .execute(&mut holder)
        .await
        .unwrap();

    // Longer than this test may take.
    let waits = TxOptions::new().lock_timeout(Duration::from_secs(600));
    let insert = async |tx: &mut Session| {
        sqlx::query("insert into items values (1)")
            .execute(&mut *tx)
            .await?;
        Ok::<_, Error>(())
    };
    let soon = Duration::from_millis(200);
    let waiting = factory.transaction_with(waits.clone(), insert);
    tokio::time::timeout(soon, waiting).await.unwrap_err();
    let late = factory
        .transaction_with(waits.clone().timeout(soon), insert)
        .await;
    assert!(matches!(late, Err(Error::Timeout { .. })), "{late:?}");
    let count = factory.transaction_with(TxOptions::new().read_only(), async |tx: &mut Session| {
        let count: i64 = sqlx::query_scalar("select count(*) from items")
            .fetch_one(&mut *tx)
            .await?;
        Ok::<_, Error>(count)
    });
    assert_eq!(count.await.unwrap(), 0);
    assert_eq!(factory.pool_status().connections, 1);

    sqlx::raw_sql("commit").execute(&mut holder).await.unwrap();
    // What was left behind gets the lock before or after this, and writes nothing.
    factory.transaction_with(waits, insert).await.unwrap();
    assert_eq!(db.admin_value::<i64>("select count(*) from items").await, 1);
    factory.close(crate::GRACE).await;
}
