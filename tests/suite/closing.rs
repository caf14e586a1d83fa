//! A factory that closes: nothing new, what runs comes to its end, what does not is rolled back.

use std::time::{Duration, Instant};

use demarcate::{Error, JobError, background_job};
use demarcate_tests::on_every_database;

use crate::{GRACE, ITEMS, eventually, items};

/// Less than anything here takes by itself.
const SHORT: Duration = Duration::from_millis(200);

on_every_database! {
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
