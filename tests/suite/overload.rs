//! More to do than can be done: what is refused at once, and that all else is served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use demarcate::classify::Category;
use demarcate::{Error, HttpStatus, TxOptions};
use demarcate_tests::on_every_database;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::sync::watch;
use tokio::task::JoinSet;

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
