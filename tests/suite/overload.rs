//! More to do than can be done: what is refused at once, and that all else is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use demarcate::classify::Category;
use demarcate::health::CheckKind;
use demarcate::postgres::SessionFactory;
use demarcate::{
    BoundaryStats, Error, HttpStatus, Isolation, Retry, RetryBudget, TxOptions, background_job,
};
use demarcate_tests::{OwnPostgres, on_every_database};
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::Connection;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::door::{Door, door};
use crate::echo::Log;
use crate::{ITEMS, PATIENCE, eventually};

/// How long a refusal may take on a machine that does nothing else.
const AT_ONCE: Duration = Duration::from_millis(20);

/// The options of a boundary that reads: on SQLite any number of them hold a connection at a time.
fn reads() -> TxOptions {
    TxOptions::new().read_only().timeout(PATIENCE * 4)
}

on_every_database! {
    async fn read(factory: &SessionFactory, options: TxOptions) -> Result<(), Error> {
        factory
            .transaction_with(options, async |tx: &mut Session| {
                sqlx::query("select count(*) from items").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
    }

    /// Holds `connections` connections until `true` is sent.
    async fn hold(factory: &SessionFactory, connections: usize) -> (watch::Sender<bool>, JoinSet<()>) {
        let (release, released) = watch::channel(false);
        let mut holders = JoinSet::new();
        for _ in 0..connections {
            let (factory, released) = (factory.clone(), released.clone());
            holders.spawn(async move {
                let held = factory.transaction_with(reads(), async |tx: &mut Session| {
                    sqlx::query("select count(*) from items").execute(&mut *tx).await?;
                    released.clone().wait_for(|released| *released).await.ok();
                    Ok::<_, Error>(())
                });
                held.await.unwrap();
            });
        }
        eventually("all of them hold one", async || factory.pool_status().holders.len() == connections).await;
        (release, holders)
    }

    /// Holds a connection until `true` is sent.
    #[background_job]
    async fn hold_in_job(db: &SessionFactory, released: watch::Receiver<bool>, reads: TxOptions) -> Result<(), Error> {
        db.transaction_with(reads, async |tx: &mut Session| {
            sqlx::query("select count(*) from items").execute(&mut *tx).await?;
            released.clone().wait_for(|released| *released).await.ok();
            Ok::<_, Error>(())
        })
        .await
    }

    /// Jobs take what they may, and requests find the rest.
    #[tokio::test]
    async fn jobs_leave_the_rest_of_a_pool_to_requests() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let builder = SessionFactory::builder().url(db.url()).max_connections(3).max_waiting(2);
        let factory = builder.max_job_connections(2).connect().await.unwrap();
        let (release, released) = watch::channel(false);
        let jobs: Vec<_> = (0..4).map(|_| factory.spawn(hold_in_job(released.clone(), reads()))).collect();
        eventually("two hold, and two wait", async || {
            let status = factory.pool_status();
            (status.holders.len(), status.waiting) == (2, 2)
        })
        .await;
        for _ in 0..3 {
            read(&factory, reads()).await.unwrap();
        }
        // One more than may wait for the share is refused at once.
        let refused = factory.run(hold_in_job(released.clone(), reads())).await.unwrap_err();
        let said = std::error::Error::source(&refused).unwrap().to_string();
        assert!(said.contains("2 wait already for one of 2 connections"), "{said}");
        release.send_replace(true);
        for job in jobs {
            job.await.unwrap();
        }
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn requests_leave_the_rest_of_a_pool_to_jobs() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let builder = SessionFactory::builder().url(db.url()).max_connections(2);
        let factory = builder.max_request_connections(1).connect().await.unwrap();
        let (release, holders) = hold(&factory, 1).await;
        let options = reads().timeout(Duration::from_millis(200));
        let late = read(&factory, options).await.unwrap_err();
        match &late {
            Error::PoolTimeout { size, holders, .. } => assert_eq!((*size, holders.len()), (1, 1), "{late}"),
            late => panic!("{late:?}"),
        }
        let (open, opened) = watch::channel(true);
        factory.run(hold_in_job(opened, reads())).await.unwrap();
        drop(open);
        release.send_replace(true);
        holders.join_all().await;
        read(&factory, reads()).await.unwrap();
        factory.close(crate::GRACE).await;
    }

    /// A hundred come to a pool of two that are in use: forty wait, sixty are refused at once, and all that wait are served.
    async fn check_a_full_queue(factory: SessionFactory) {
        const COME: usize = 100;
        const WAIT: usize = 40;
        let recorder = PrometheusBuilder::new().build_recorder();
        let _recording = metrics::set_default_local_recorder(&recorder);
        let (release, holders) = hold(&factory, 2).await;
        let before = factory.pool_status().refused;
        let runs = Arc::new(AtomicUsize::new(0));
        let mut coming = JoinSet::new();
        for _ in 0..COME {
            let (factory, runs) = (factory.clone(), Arc::clone(&runs));
            coming.spawn(async move {
                let began = Instant::now();
                let options = reads().retry(5).name("come");
                let done = factory.transaction_with(options, async |tx: &mut Session| {
                    runs.fetch_add(1, Ordering::Relaxed);
                    sqlx::query("select count(*) from items").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                });
                (done.await, began.elapsed())
            });
        }
        let mut took = Vec::new();
        for _ in WAIT..COME {
            let (refused, after) = coming.join_next().await.unwrap().unwrap();
            let refused = refused.unwrap_err();
            assert!(matches!(refused, Error::Overloaded { waiting: WAIT, size: 2, wait: None, .. }), "{refused:?}");
            let meaning = refused.classification();
            assert_eq!((meaning.category, meaning.retryable), (Category::Overloaded, false));
            assert_eq!((refused.http_status(), refused.problem().retry_after), (503, Some(1)));
            took.push(after);
        }
        took.sort();
        println!("refused: in {:?}, the slowest of {} in {:?}", took[took.len() / 2], took.len(), took[took.len() - 1]);
        assert!(took[0] < AT_ONCE, "{took:?}");
        assert_eq!(runs.load(Ordering::Relaxed), COME, "none was run again");
        let status = factory.pool_status();
        assert_eq!((status.waiting, status.refused - before), (WAIT, (COME - WAIT) as u64));
        let stats = factory.stats();
        let (_, stats) = stats.iter().find(|(site, _)| site.name() == "come").unwrap();
        assert_eq!((stats.refused, stats.rolled_back, stats.retried), (60, 60, 0));
        factory.record_pool_metrics();
        let page = recorder.handle().render();
        assert!(page.contains(r#"demarcate_rollbacks_total{boundary="come",category="overloaded"} 60"#), "{page}");
        let refused = format!(r#"demarcate_pool_refused_total{{pool="own"}} {}"#, status.refused);
        assert!(page.contains(&refused), "{refused}: {page}");

        release.send_replace(true);
        holders.join_all().await;
        for (done, _) in coming.join_all().await {
            done.unwrap();
        }
        read(&factory, reads()).await.unwrap();
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_full_queue_takes_nobody_and_serves_all_that_wait() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let builder = SessionFactory::builder().url(db.url()).max_connections(2).pool_name("own");
        check_a_full_queue(builder.connect().await.unwrap()).await;
    }

    #[tokio::test]
    async fn the_queue_of_a_pool_of_sqlx_takes_no_more() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let pool = sqlx::pool::PoolOptions::<Database>::new().max_connections(2);
        let pool = pool.connect(db.url()).await.unwrap();
        let builder = SessionFactory::builder().pool(pool).pool_name("own");
        check_a_full_queue(builder.connect().await.unwrap()).await;
    }

    #[tokio::test]
    async fn the_number_that_may_wait_is_given() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let builder = SessionFactory::builder().url(db.url()).max_connections(1).max_waiting(1);
        let factory = builder.connect().await.unwrap();
        let (release, holders) = hold(&factory, 1).await;
        let second = tokio::spawn({
            let factory = factory.clone();
            async move { read(&factory, reads()).await }
        });
        eventually("one waits", async || factory.pool_status().waiting == 1).await;
        let third = read(&factory, reads()).await.unwrap_err();
        let said = third.to_string();
        assert!(said.contains("refused at once: 1 wait already for one of 1 connections;"), "{said}");
        assert!(said.ends_with("or raise `max_connections` or `max_waiting`"), "{said}");
        let fourth = factory.connection(async |_| Ok::<_, Error>(())).await.unwrap_err();
        assert!(matches!(fourth, Error::Overloaded { .. }), "{fourth:?}");
        release.send_replace(true);
        holders.join_all().await;
        second.await.unwrap().unwrap();
        factory.close(crate::GRACE).await;
    }

    /// Where connections are held for long, whoever has little time is not let wait until it is over.
    #[tokio::test]
    async fn who_would_not_be_served_in_time_is_refused_at_once() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let builder = SessionFactory::builder().url(db.url()).max_connections(1).max_waiting(1_000);
        let factory = builder.connect().await.unwrap();
        for _ in 0..20 {
            let held = factory.transaction_with(reads(), async |tx: &mut Session| {
                sqlx::query("select count(*) from items").execute(&mut *tx).await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
                Ok::<_, Error>(())
            });
            held.await.unwrap();
        }
        let (release, holders) = hold(&factory, 1).await;
        let mut waiting = JoinSet::new();
        for _ in 0..50 {
            let factory = factory.clone();
            waiting.spawn(async move { read(&factory, reads()).await });
        }
        eventually("fifty wait", async || factory.pool_status().waiting == 50).await;
        // Fifty take half a second and more.
        let hurried = || reads().timeout(Duration::from_millis(200));
        let refused = read(&factory, hurried()).await.unwrap_err();
        assert!(matches!(refused, Error::Overloaded { waiting: 50, wait: Some(_), .. }), "{refused:?}");
        let said = refused.to_string();
        assert!(said.contains("which takes about ") && said.ends_with("or raise `max_connections`"), "{said}");
        release.send_replace(true);
        holders.join_all().await;
        assert!(waiting.join_all().await.iter().all(Result::is_ok));
        read(&factory, reads()).await.unwrap();
        factory.close(crate::GRACE).await;
    }
}

/// A port at which every client is counted and hung up on.
async fn hangs_up() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let clients = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&clients);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            drop(client);
        }
    });
    (port, clients)
}

async fn insert(factory: &SessionFactory, id: i64) -> Result<(), Error> {
    factory
        .transaction(async move |tx| {
            let insert = sqlx::query("insert into items (id) values ($1) on conflict do nothing");
            insert.bind(id).execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_not_tried_by_everybody() {
    let (port, clients) = hangs_up().await;
    let url = format!("postgres://me:hunter2@127.0.0.1:{port}/shop?sslmode=disable");
    let builder = SessionFactory::builder().url(&url).pool_name("gone");
    let factory = builder.max_connections(4).connect_lazy().unwrap();
    let (log, _logging) = Log::start();
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    for id in 0..3 {
        assert_eq!(factory.pool_status().unreachable_for, None);
        let refused = insert(&factory, id).await.unwrap_err();
        assert!(matches!(refused, Error::Connect { .. }), "{refused:?}");
    }
    assert!(factory.pool_status().unreachable_for.is_some());
    let before = clients.load(Ordering::Relaxed);
    let began = Instant::now();
    for id in 0..200 {
        let refused = insert(&factory, id).await.unwrap_err();
        assert!(matches!(refused, Error::Connect { .. }), "{refused:?}");
        assert!(refused.to_string().contains("hung up"), "{refused}");
        assert_eq!(refused.http_status(), 503);
    }
    // The pool itself tries, after 25 ms at the soonest.
    let own = began.elapsed().as_millis() / 25 + 1;
    let tried = clients.load(Ordering::Relaxed) - before;
    assert!(tried as u128 <= own, "{tried} in {:?}", began.elapsed());
    assert_eq!(factory.pool_status().refused, 200);
    eventually("the pool tries by itself", async || {
        clients.load(Ordering::Relaxed) > before + 2
    })
    .await;
    let report = factory.health().await;
    let connection = report.check(CheckKind::Connection).unwrap().to_string();
    assert!(
        connection.contains("the pool has not been able to open a connection for"),
        "{connection}"
    );
    factory.record_pool_metrics();
    let page = recorder.handle().render();
    assert!(
        page.contains(r#"demarcate_pool_unreachable{pool="gone"} 1"#),
        "{page}"
    );
    let lines = log.take("the database cannot be reached");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(!lines[0].contains("hunter2"), "{lines:?}");
    factory.close(crate::GRACE).await;
}

#[tokio::test]
async fn the_first_connection_that_can_be_opened_lets_everybody_in_again() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let (url, door) = door(db.url(), Door::HangsUp).await;
    let factory = SessionFactory::connect_lazy(&url).unwrap();
    let (log, _logging) = Log::start();
    for id in 0..5 {
        insert(&factory, id).await.unwrap_err();
    }
    assert_eq!(factory.pool_status().refused, 2);
    door.send_replace(Door::Open);
    // Nobody has to ask for it.
    eventually("it can be reached", async || {
        factory.pool_status().unreachable_for.is_none()
    })
    .await;
    let mut all = JoinSet::new();
    for id in 0..50 {
        let factory = factory.clone();
        all.spawn(async move { insert(&factory, id).await });
    }
    assert!(all.join_all().await.iter().all(Result::is_ok));
    assert_eq!(factory.pool_status().refused, 2);
    let lines = log.take("the database can");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].contains("cannot be reached") && lines[1].contains("can be reached again"),
        "{lines:?}"
    );
    // What the database makes of a statement says nothing about whether it can be reached.
    for _ in 0..10 {
        for sql in [
            "insert into items (id) values (1)",
            "select nothing from nowhere",
        ] {
            let failed = factory.transaction(async |tx| {
                sqlx::query(sql).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            });
            failed.await.unwrap_err();
        }
    }
    assert_eq!(factory.pool_status().unreachable_for, None);
    insert(&factory, 100).await.unwrap();
    factory.close(crate::GRACE).await;
}

/// A thousand come to a pool of ten, whose server stops and comes back: whoever is refused comes again, and none is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_get_through_a_restart_of_the_server() {
    const TASKS: i64 = 1_000;
    const ROUNDS: i64 = 2;
    let mut server = OwnPostgres::start().await;
    let mut admin = sqlx::PgConnection::connect(server.url()).await.unwrap();
    sqlx::raw_sql(ITEMS).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    let builder = SessionFactory::builder().url(server.url());
    let factory = builder.max_connections(10).connect().await.unwrap();
    let (overloaded, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let done = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (factory, done) = (factory.clone(), Arc::clone(&done));
        let (overloaded, refused) = (Arc::clone(&overloaded), Arc::clone(&refused));
        tasks.spawn(async move {
            for round in 0..ROUNDS {
                while let Err(error) = insert(&factory, task * ROUNDS + round).await {
                    match error {
                        Error::Overloaded { .. } => overloaded.fetch_add(1, Ordering::Relaxed),
                        Error::Connect { .. } => refused.fetch_add(1, Ordering::Relaxed),
                        Error::Database { .. } | Error::CommitUnknown { .. } => 0,
                        error => panic!("{error:?}"),
                    };
                    // What `Retry-After` says.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    eventually("some are done", async || done.load(Ordering::Relaxed) > 100).await;
    server.stop().await;
    eventually("nothing can be reached", async || {
        factory.pool_status().unreachable_for.is_some()
    })
    .await;
    server.start_again().await;
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let stored = factory.transaction(async |tx| {
        let count = sqlx::query_scalar::<_, i64>("select count(*) from items");
        Ok::<_, Error>(count.fetch_one(&mut *tx).await?)
    });
    assert_eq!(stored.await.unwrap(), TASKS * ROUNDS);
    let status = factory.pool_status();
    println!(
        "a thousand through a restart: {} times overloaded, {} times not reached, {} refused at once",
        overloaded.load(Ordering::Relaxed),
        refused.load(Ordering::Relaxed),
        status.refused,
    );
    assert!(overloaded.load(Ordering::Relaxed) > 0 && refused.load(Ordering::Relaxed) > 0);
    assert_eq!((status.unreachable_for, status.waiting), (None, 0));
    assert!(status.connections <= 10);
    factory.close(crate::GRACE).await;
}

/// The statistics of the boundary of this name.
fn stats_of(factory: &SessionFactory, name: &str) -> BoundaryStats {
    let stats = factory.stats();
    let found = stats.into_iter().find(|(site, _)| site.name() == name);
    found.unwrap().1
}

/// Boundaries that always conflict are run again as often as the budget says, and get the error of their conflict.
#[tokio::test]
async fn a_budget_limits_what_is_run_again() {
    const CONFLICT: &str = "do $$ begin raise exception 'again' using errcode = '40001'; end $$";
    let db = demarcate_tests::postgres().await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let retry = Retry::times(5)
        .first_delay(Duration::ZERO)
        .longest_delay(Duration::ZERO);
    let collide = async |budget: Option<RetryBudget>| {
        let builder = SessionFactory::builder().url(db.url()).max_connections(2);
        let factory = builder.retry_budget(budget).connect().await.unwrap();
        let began = Instant::now();
        for _ in 0..30 {
            let options = TxOptions::new().retry(retry).name("collide");
            let failed =
                factory.transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
                    sqlx::raw_sql(CONFLICT).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                });
            let failed = failed.await.unwrap_err();
            assert_eq!(
                failed.classification().sqlstate,
                Some("40001"),
                "{failed:?}"
            );
            assert_eq!(
                (failed.http_status(), failed.problem().retry_after),
                (409, Some(1))
            );
        }
        (factory, began.elapsed())
    };
    let (factory, _) = collide(None).await;
    let without = stats_of(&factory, "collide");
    assert_eq!((without.retried, without.retries_refused), (150, 0));
    factory.close(crate::GRACE).await;

    let (factory, took) = collide(Some(RetryBudget::new().percent(0).per_second(2))).await;
    let with = stats_of(&factory, "collide");
    let most = 20 + 2 * (took.as_secs() + 1);
    println!(
        "30 that always conflict: run again {} times without a budget, {} times with one",
        without.retried, with.retried
    );
    assert!(
        (20..=most).contains(&with.retried),
        "{} in {took:?}",
        with.retried
    );
    assert!(
        (1..=30).contains(&with.retries_refused),
        "{}",
        with.retries_refused
    );
    let page = recorder.handle().render();
    let counted = format!(
        r#"demarcate_retries_refused_total{{boundary="collide"}} {}"#,
        with.retries_refused
    );
    assert!(page.contains(&counted), "{counted}: {page}");
    factory.close(crate::GRACE).await;

    let (factory, _) = collide(Some(RetryBudget::new().percent(0).per_second(0))).await;
    assert_eq!(stats_of(&factory, "collide").retried, 0);
    factory.close(crate::GRACE).await;
}

/// A lost connection is no conflict: what is run again because of one costs nothing.
#[tokio::test]
async fn a_connection_that_is_lost_costs_nothing_of_the_budget() {
    use demarcate_tests::proxy::{Fault, Pattern, Proxy};

    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let proxy = Proxy::to(&db).await;
    let builder = SessionFactory::builder().url(proxy.url());
    let builder = builder.retry_budget(RetryBudget::new().percent(0).per_second(0));
    let factory = builder.connect().await.unwrap();
    proxy.before(Pattern::query("insert into items"), Fault::Cut);
    let options = TxOptions::new().retry(1).name("lost");
    let stored =
        factory.transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
            sqlx::raw_sql("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        });
    stored.await.unwrap();
    assert_eq!(stats_of(&factory, "lost").retried, 1);
    factory.close(crate::GRACE).await;
}

/// Fifty tasks add to one row, five times each: with a budget the conflicts do not multiply what is sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hot_row_does_not_multiply_the_load() {
    const TASKS: usize = 50;
    const ROUNDS: usize = 5;
    let db = demarcate_tests::postgres().await;
    db.admin("create table counters (id bigint primary key, n bigint not null)")
        .await;
    db.admin("insert into counters values (1, 0), (2, 0)").await;
    for (id, budget) in [(1_i64, None), (2, Some(RetryBudget::new().per_second(2)))] {
        let builder = SessionFactory::builder().url(db.url()).max_connections(10);
        let factory = builder
            .max_waiting(TASKS)
            .retry_budget(budget)
            .connect()
            .await
            .unwrap();
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let factory = factory.clone();
            tasks.spawn(async move {
                let mut committed = 0;
                for _ in 0..ROUNDS {
                    let retry = Retry::times(5).first_delay(Duration::from_millis(1));
                    let options = TxOptions::new()
                        .isolation(Isolation::RepeatableRead)
                        .retry(retry)
                        .name("add");
                    let added = factory.transaction_with(
                        options,
                        async |tx: &mut demarcate::postgres::Session| {
                            let n: i64 = sqlx::query_scalar("select n from counters where id = $1")
                                .bind(id)
                                .fetch_one(&mut *tx)
                                .await?;
                            tokio::task::yield_now().await;
                            let update = sqlx::query("update counters set n = $1 where id = $2");
                            update.bind(n + 1).bind(id).execute(&mut *tx).await?;
                            Ok::<_, Error>(())
                        },
                    );
                    match added.await {
                        Ok(()) => committed += 1,
                        Err(error) => assert_eq!(error.http_status(), 409, "{error:?}"),
                    }
                }
                committed
            });
        }
        let committed: i64 = tasks.join_all().await.into_iter().sum();
        let took = began.elapsed();
        let counted = db
            .admin_value::<i64>(&format!("select n from counters where id = {id}"))
            .await;
        assert_eq!(counted, committed, "what was committed is there, once");
        let stats = stats_of(&factory, "add");
        assert_eq!(stats.committed, committed as u64);
        println!(
            "a hot row under {TASKS} tasks, {}: {committed} of {} committed, {} run again, {} not, {:.2} statements a commit",
            if budget.is_some() {
                "with a budget"
            } else {
                "without a budget"
            },
            TASKS * ROUNDS,
            stats.retried,
            stats.retries_refused,
            stats.statements as f64 / stats.committed as f64,
        );
        if budget.is_some() {
            let most = 20 + 2 * (took.as_secs() + 1) + stats.committed / 10 + 1;
            assert!(stats.retried <= most, "{} of {most}", stats.retried);
        } else {
            assert_eq!(stats.retries_refused, 0);
        }
        factory.close(crate::GRACE).await;
    }
}
