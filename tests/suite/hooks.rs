//! What runs after the commit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use demarcate::{Error, TxOptions};
use demarcate_tests::on_every_database;

use crate::{ITEMS, eventually, items};

on_every_database! {
    #[tokio::test]
    async fn a_future_sees_the_commit_and_is_done_before_the_boundary_returns() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let seen = Arc::new(tokio::sync::Mutex::new(None));
        let db = Arc::new(db);
        factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                let (seen, db) = (Arc::clone(&seen), Arc::clone(&db));
                tx.after_commit(async move { *seen.lock().await = Some(items(&db).await) });
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(*seen.lock().await, Some(1));
    }

    #[tokio::test]
    async fn none_runs_after_a_rollback() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        for swallow in [false, true] {
            let failed = factory
                .transaction(async |tx| {
                    let ran = Arc::clone(&ran);
                    tx.after_commit(async move { ran.store(true, Ordering::SeqCst) });
                    let failed = sqlx::query("insert into nowhere values (1)").execute(&mut *tx).await;
                    if swallow { Ok(()) } else { failed.map(drop).map_err(Error::from) }
                })
                .await;
            assert!(failed.is_err());
        }
        factory.close(crate::GRACE).await;
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn one_that_panics_does_not_keep_the_others() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let ran = Arc::new(AtomicBool::new(false));
        factory
            .transaction(async |tx| {
                tx.after_commit(async { panic!("a hook") });
                let ran = Arc::clone(&ran);
                tx.after_commit(async move { ran.store(true, Ordering::SeqCst) });
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert!(ran.load(Ordering::SeqCst));
    }

    /// A client that goes away after the commit cancels no hook.
    #[tokio::test]
    async fn they_go_on_when_the_caller_is_dropped() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (started, first_started) = tokio::sync::oneshot::channel();
        let (done, second_done) = tokio::sync::oneshot::channel();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            factory
                .transaction(async |tx| {
                    sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                    tx.after_commit(async move {
                        started.send(()).unwrap();
                        released.await.ok();
                    });
                    tx.after_commit(async move { done.send(()).unwrap() });
                    Ok::<_, Error>(())
                })
                .await
        });
        first_started.await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        release.send(()).unwrap();
        second_done.await.unwrap();
        assert_eq!(items(&db).await, 1);
    }
}

/// A hook is not the response's business for longer than the boundary itself may take.
#[tokio::test]
async fn a_hook_that_takes_long_goes_on_in_the_background_and_is_seen() {
    use demarcate::sqlite::{Session, SessionFactory};

    let db = demarcate_tests::sqlite().await;
    let factory = SessionFactory::connect(db.url()).await.unwrap();
    let (release, done) = (
        Arc::new(tokio::sync::Notify::new()),
        Arc::new(AtomicBool::new(false)),
    );
    let options = TxOptions::new().timeout(std::time::Duration::from_millis(300));
    factory
        .transaction_with(options, async |tx: &mut Session| {
            let (release, done) = (Arc::clone(&release), Arc::clone(&done));
            tx.after_commit(async move {
                release.notified().await;
                done.store(true, Ordering::Relaxed);
            });
            sqlx::query("select 1").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    let open = factory.open_boundaries();
    assert_eq!((open.len(), open[0].is_committed), (1, true), "{open:?}");
    assert!(factory.pool_status().holders.is_empty());
    release.notify_one();
    eventually("the hook is done", async || done.load(Ordering::Relaxed)).await;
    eventually("nothing is open", async || {
        factory.open_boundaries().is_empty()
    })
    .await;
    factory.close(crate::GRACE).await;
}
