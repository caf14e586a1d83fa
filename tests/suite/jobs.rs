//! Background jobs: a session of their own, and a failure that is recorded in yet another.

use std::error::Error as _;

use demarcate::{Error, JobError, background_job, service};
use demarcate_tests::on_every_database;

use crate::{ITEMS, eventually, items};

on_every_database! {
    #[service]
    async fn store(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        let insert = format!("insert into items (id) values ({id})");
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(())
    }

    #[background_job]
    async fn add(tx: &mut Session, id: i64) -> Result<i64, sqlx::Error> {
        store(tx, id).await?;
        Ok(id)
    }

    #[background_job(on_error = note_failure)]
    async fn add_and_fail(tx: &mut Session, id: i64, how: &'static str) -> Result<(), anyhow::Error> {
        store(tx, id).await?;
        match how {
            "panic" => panic!("on purpose"),
            "hang" => std::future::pending().await,
            _ => anyhow::bail!("no such {how}"),
        }
    }

    #[service]
    async fn note_failure(tx: &mut Session, error: &JobError, id: i64, how: &'static str) -> Result<(), sqlx::Error> {
        assert!(!how.is_empty());
        let name = match error {
            JobError::Failed { source, .. } => format!("failed: {source}"),
            JobError::Panicked { message, .. } => format!("panicked: {message}"),
            other => other.to_string().split_once("was ").map(|(_, how)| how.to_owned()).unwrap_or_default(),
        };
        let insert = format!("insert into items (id, name) values ({}, '{name}')", id + 1000);
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(())
    }

    #[background_job]
    async fn add_one_by_one(db: &SessionFactory, ids: Vec<i64>) -> Result<usize, Error> {
        for id in &ids {
            db.transaction(async |tx| store(tx, *id).await.map_err(Error::from)).await?;
        }
        Ok(ids.len())
    }

    #[tokio::test]
    async fn run_gives_what_the_job_gave() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        assert_eq!(factory.run(add(7)).await.unwrap(), 7);
        assert_eq!(items(&db).await, 1);
        let stats = factory.stats();
        let job = stats.iter().find(|(site, _)| site.name() == "add").unwrap();
        assert_eq!(job.1.committed, 1);
    }

    #[tokio::test]
    async fn a_job_does_nothing_until_it_is_given_to_somebody() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let job = add(7);
        assert_eq!(job.site().name(), "add");
        drop(job);
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn spawn_runs_it_on_a_task_of_its_own() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        assert_eq!(factory.spawn(add(7)).await.unwrap(), 7);
        drop(factory.spawn(add(8)));
        eventually("the job whose handle was dropped has run", async || items(&db).await == 2).await;
    }

    #[tokio::test]
    async fn after_commit_starts_it_only_if_the_commit_succeeded() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let failed: Result<(), Error> = factory
            .transaction(async |tx| {
                tx.after_commit(add(1));
                Err(sqlx::Error::RowNotFound.into())
            })
            .await;
        assert!(failed.is_err());
        factory
            .transaction(async |tx| {
                tx.after_commit(add(2));
                store(tx, 3).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        eventually("the job of the boundary that committed has run", async || items(&db).await == 2).await;
        assert_eq!(db.admin_value::<i64>("select count(*) from items where id = 1").await, 0);
    }

    #[tokio::test]
    async fn a_failure_is_recorded_in_a_session_of_its_own() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();

        let failed = factory.run(add_and_fail(1, "luck")).await.unwrap_err();
        assert!(matches!(failed, JobError::Failed { .. }), "{failed:?}");
        assert_eq!(failed.source().unwrap().to_string(), "no such luck");

        let panicked = factory.spawn(add_and_fail(2, "panic")).await.unwrap_err();
        assert!(matches!(&panicked, JobError::Panicked { message, .. } if message == "on purpose"), "{panicked:?}");

        let hanging = factory.spawn(add_and_fail(3, "hang"));
        eventually("it hangs", async || {
            let open = factory.open_boundaries();
            open.iter().any(|open| open.boundary.name() == "add_and_fail" && open.idle_for.is_some() && open.statement.is_some())
        })
        .await;
        hanging.abort();
        let cancelled = hanging.await.unwrap_err();
        assert!(matches!(cancelled, JobError::Cancelled { .. }), "{cancelled:?}");

        factory.close(crate::GRACE).await;
        assert_eq!(db.admin_value::<i64>("select count(*) from items where id < 1000").await, 0);
        for (id, name) in [(1001, "failed: no such luck"), (1002, "panicked: on purpose"), (1003, "cancelled")] {
            let noted: String = db.admin_value(&format!("select name from items where id = {id}")).await;
            assert_eq!(noted, name);
        }
    }

    #[tokio::test]
    async fn a_job_of_several_units_of_work_opens_a_boundary_for_each() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let failed = factory.run(add_one_by_one(vec![1, 2, 2, 3])).await.unwrap_err();
        assert!(failed.to_string().contains("`add_one_by_one`"), "{failed}");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn a_job_run_inside_a_boundary_is_refused() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let same = factory.clone();
        factory
            .transaction(async |_| {
                let refused = same.run(add(1)).await.unwrap_err();
                let nested = refused.source().unwrap().downcast_ref::<Error>().unwrap();
                assert!(matches!(nested, Error::NestedBoundary { .. }), "{nested:?}");
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 0);
    }

    #[background_job(on_error = note_late_failure)]
    async fn add_and_linger(tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
        store(tx, id).await?;
        tx.after_commit(tokio::time::sleep(std::time::Duration::from_millis(300)));
        Ok(())
    }

    #[service]
    async fn note_late_failure(tx: &mut Session, _: &JobError, id: i64) -> Result<(), sqlx::Error> {
        store(tx, id + 1000).await
    }

    #[tokio::test]
    async fn a_job_that_has_committed_cannot_be_aborted() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let job = factory.spawn(add_and_linger(1));
        eventually("the job has committed", async || items(&db).await == 1).await;
        job.abort();
        job.await.unwrap();
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 1, "no failure was recorded");
    }
}
