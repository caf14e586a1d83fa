//! A factory that closes: nothing new, what runs comes to its end, what does not is rolled back.

use std::time::{Duration, Instant};

use demarcate::{Error, JobError, background_job};
use demarcate_tests::on_every_database;

use crate::echo::Log;
use crate::{GRACE, ITEMS, eventually, items};

/// Less than anything here takes by itself.
const SHORT: Duration = Duration::from_millis(200);

on_every_database! {
    /// Polls an empty queue.
    #[background_job]
    async fn work(db: &SessionFactory) -> Result<u32, Error> {
        let mut units = 0;
        while !db.is_closing() {
            db.transaction(async |tx| {
                sqlx::query("select 1").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await?;
            units += 1;
            tokio::select! {
                () = db.closing() => break,
                () = tokio::time::sleep(Duration::from_secs(60)) => {}
            }
        }
        Ok(units)
    }

    #[tokio::test]
    async fn a_job_that_loops_until_the_factory_closes_ends_at_once_and_without_a_line() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (log, _listening) = Log::start();
        let worker = factory.spawn(work());
        let clone = factory.clone();
        let waiting = tokio::spawn(async move { clone.closing().await });
        crate::eventually("a unit was done", async || factory.stats().iter().any(|(_, stats)| stats.committed > 0)).await;
        assert!(!factory.is_closing());
        // A wait that was given up takes nothing with it.
        tokio::time::timeout(SHORT / 10, factory.closing()).await.unwrap_err();
        let started = Instant::now();
        factory.close(GRACE).await;
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "{took:?}");
        assert!(factory.is_closing());
        assert_eq!(worker.await.unwrap(), 1);
        waiting.await.unwrap();
        factory.closing().await;
        let log = log.take("");
        assert!(!log.iter().any(|line| line.trim_start().starts_with("ERROR") || line.trim_start().starts_with("WARN")), "{log:#?}");
    }

    #[tokio::test]
    async fn the_close_of_a_pool_of_ones_own_is_heard_too() {
        let db = test_db().await;
        let pool = sqlx::Pool::<Database>::connect(db.url()).await.unwrap();
        let factory = SessionFactory::from(pool.clone());
        let clone = factory.clone();
        let waiting = tokio::spawn(async move { clone.closing().await });
        pool.close().await;
        tokio::time::timeout(Duration::from_secs(5), waiting).await.expect("it is heard").unwrap();
        assert!(factory.is_closing());
    }

    #[background_job(on_error = record_cancelled)]
    async fn hangs_in_its_session(tx: &mut Session) -> Result<(), sqlx::Error> {
        store(tx, 20).await?;
        std::future::pending().await
    }

    #[background_job]
    async fn hangs_outside_of_any(db: &SessionFactory) -> Result<(), Error> {
        db.transaction(async |_| Ok::<_, Error>(())).await?;
        std::future::pending().await
    }

    async fn record_cancelled(tx: &mut Session, _: &JobError) -> Result<(), sqlx::Error> {
        store(tx, 22).await
    }

    #[tokio::test]
    async fn a_job_that_the_end_of_the_grace_cancels_is_a_warning_that_names_both() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).connect().await.unwrap();
        let (log, _listening) = Log::start();
        let (with_session, with_factory) = (factory.spawn(hangs_in_its_session()), factory.spawn(hangs_outside_of_any()));
        eventually("both hang", async || {
            let stored = factory.stats().iter().any(|(_, stats)| stats.committed > 0);
            let open = factory.open_boundaries();
            stored && open.iter().any(|open| open.boundary.name() == "hangs_in_its_session" && open.idle_for.is_some())
        })
        .await;
        factory.close(SHORT).await;
        with_session.await.unwrap_err();
        with_factory.await.unwrap_err();
        let log = log.take("");
        assert!(!log.iter().any(|line| line.trim_start().starts_with("ERROR")), "{log:#?}");
        for name in ["`hangs_in_its_session`", "`hangs_outside_of_any`"] {
            let lines: Vec<_> = log.iter().filter(|line| line.contains(name) && line.contains("job was cancelled")).collect();
            assert!(lines.len() == 1 && lines[0].contains("WARN") && lines[0].contains("grace=200ms"), "{log:#?}");
        }
    }

    /// As in `select! { _ = &mut work => .., _ = shutdown => .. }` and a close afterwards.
    #[tokio::test]
    async fn a_boundary_that_nobody_polls_is_not_waited_for_for_ever() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let mut boundary = Box::pin(factory.transaction(async |tx| {
            store(tx, 1).await?;
            std::future::pending::<()>().await;
            Ok::<_, Error>(())
        }));
        tokio::select! {
            ended = &mut boundary => panic!("{ended:?}"),
            () = tokio::time::sleep(SHORT) => {}
        }
        let closed = tokio::time::timeout(Duration::from_secs(10), factory.close(SHORT));
        closed.await.expect("it comes to an end");
        let ended = boundary.await;
        assert!(matches!(ended, Err(Error::Closed { .. })), "{ended:?}");
        eventually("its connection is closed", async || factory.pool_status().connections == 0).await;
        assert_eq!(items(&db).await, 0);
    }

    async fn store(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(())
    }

    /// Two units of work, with time between them.
    #[background_job]
    async fn in_two_steps(db: &SessionFactory) -> Result<(), Error> {
        db.transaction(async |tx| Ok::<_, Error>(store(tx, 1).await?)).await?;
        tokio::time::sleep(SHORT).await;
        db.transaction(async |tx| Ok::<_, Error>(store(tx, 2).await?)).await
    }

    #[background_job(on_error = record, allow(D050, reason = "the factory closes meanwhile"))]
    async fn fails(tx: &mut Session) -> Result<(), sqlx::Error> {
        store(tx, 3).await?;
        tokio::time::sleep(SHORT).await;
        Err(sqlx::Error::RowNotFound)
    }

    async fn record(tx: &mut Session, _: &JobError) -> Result<(), sqlx::Error> {
        store(tx, 4).await
    }

    #[background_job]
    async fn hangs(tx: &mut Session) -> Result<(), sqlx::Error> {
        store(tx, 5).await?;
        std::future::pending().await
    }

    #[tokio::test]
    async fn jobs_come_to_their_end_with_what_they_open() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (steps, failing) = (factory.spawn(in_two_steps()), factory.spawn(fails()));
        // One that a commit starts, when the factory closes already.
        let started = factory.transaction(async |tx| {
            tx.after_commit(in_two_steps_of_others());
            store(tx, 10).await?;
            tokio::time::sleep(SHORT / 2).await;
            Ok::<_, Error>(())
        });
        let close = async {
            tokio::time::sleep(SHORT / 4).await;
            factory.close(GRACE).await;
        };
        let (ended, ()) = tokio::join!(started, close);
        ended.unwrap();
        steps.await.unwrap();
        assert!(matches!(failing.await, Err(JobError::Failed { .. })));
        // 1, 2, 4, 10, 11 and 12.
        assert_eq!(items(&db).await, 6);
        let refused = factory.transaction(async |tx| Ok::<_, Error>(store(tx, 99).await?)).await;
        assert!(matches!(refused, Err(Error::Closed { .. })), "{refused:?}");
        assert!(factory.run(hangs()).await.is_err());
    }

    #[background_job]
    async fn in_two_steps_of_others(db: &SessionFactory) -> Result<(), Error> {
        db.transaction(async |tx| Ok::<_, Error>(store(tx, 11).await?)).await?;
        tokio::time::sleep(SHORT / 2).await;
        db.transaction(async |tx| Ok::<_, Error>(store(tx, 12).await?)).await
    }

    #[tokio::test]
    async fn what_does_not_come_to_its_end_is_rolled_back() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(2).connect().await.unwrap();
        let boundary = tokio::spawn({
            let factory = factory.clone();
            async move {
                factory
                    .transaction(async |tx| {
                        store(tx, 1).await?;
                        std::future::pending::<()>().await;
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        eventually("the boundary holds its connection", async || !factory.pool_status().holders.is_empty()).await;
        let job = factory.spawn(hangs());
        let hook = tokio::spawn({
            let factory = factory.clone();
            async move {
                factory
                    .transaction(async |tx| {
                        tx.after_commit(std::future::pending());
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        tokio::time::sleep(SHORT / 4).await;
        let started = Instant::now();
        factory.close(SHORT).await;
        let took = started.elapsed();
        assert!(took >= SHORT && took < Duration::from_secs(10), "{took:?}");
        let ended = boundary.await.unwrap();
        assert!(matches!(ended, Err(Error::Closed { .. })), "{ended:?}");
        let ended = job.await;
        assert!(matches!(ended, Err(JobError::Failed { .. } | JobError::Cancelled { .. })), "{ended:?}");
        // It had committed.
        hook.await.unwrap().unwrap();
        assert_eq!(items(&db).await, 0);
        assert!(factory.pool_status().holders.is_empty());
        assert_eq!(factory.pool_status().connections, 0);
    }
}
