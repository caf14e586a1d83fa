//! A failure that is meant to be survived has its own scope.

use demarcate::Error;
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

on_every_database! {
    #[tokio::test]
    async fn err_undoes_the_scope_and_the_transaction_goes_on() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                let failed = tx
                    .savepoint(async |tx| {
                        sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await?;
                        sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                        Ok::<_, sqlx::Error>(())
                    })
                    .await;
                assert!(failed.unwrap_err().into_database_error().unwrap().is_unique_violation());
                sqlx::query("insert into items (id) values (3)").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(db.admin_value::<i64>("select count(*) from items where id in (1, 3)").await, 2);
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn ok_keeps_what_the_scope_did_if_the_boundary_commits() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory
            .transaction(async |tx| {
                tx.savepoint(async |tx| {
                    tx.savepoint(async |tx| {
                        sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                        Ok::<_, Error>(())
                    })
                    .await?;
                    let inner: Result<(), Error> = tx
                        .savepoint(async |tx| {
                            sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await?;
                            Err(sqlx::Error::RowNotFound.into())
                        })
                        .await;
                    assert!(inner.is_err());
                    Ok::<_, Error>(())
                })
                .await
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn a_scope_that_swallows_a_failure_is_rolled_back_and_aborted() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory
            .transaction(async |tx| {
                let swallowed = tx
                    .savepoint(async |tx| {
                        sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                        let _ = sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await;
                        Ok::<_, Error>(())
                    })
                    .await;
                assert!(matches!(swallowed, Err(Error::Aborted { .. })), "{swallowed:?}");
                sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn a_scope_dropped_half_way_aborts_the_boundary() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let result = factory
            .transaction(async |tx| {
                let endless = tx.savepoint(async |tx| {
                    sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                    std::future::pending::<Result<(), Error>>().await
                });
                let late = tokio::time::timeout(std::time::Duration::from_millis(200), endless).await;
                assert!(late.is_err());
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(result, Err(Error::Aborted { .. })), "{result:?}");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    /// No destructor runs, and the scope is noticed all the same.
    #[tokio::test]
    async fn a_scope_forgotten_half_way_aborts_the_boundary() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let result = factory
            .transaction(async |tx| {
                let mut endless = Box::pin(tx.savepoint(async |tx| {
                    sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                    std::future::pending::<Result<(), Error>>().await
                }));
                let late = tokio::time::timeout(std::time::Duration::from_millis(300), &mut endless).await;
                assert!(late.is_err());
                std::mem::forget(endless);
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(result, Err(Error::Aborted { .. })), "{result:?}");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn hooks_of_a_scope_go_with_it() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (heard, mut said) = tokio::sync::mpsc::unbounded_channel();
        factory
            .transaction(async |tx| {
                let kept = heard.clone();
                tx.after_commit(async move { kept.send("outer").unwrap() });
                let failed: Result<(), Error> = tx
                    .savepoint(async |tx| {
                        let dropped = heard.clone();
                        tx.after_commit(async move { dropped.send("failed scope").unwrap() });
                        Err(sqlx::Error::RowNotFound.into())
                    })
                    .await;
                assert!(failed.is_err());
                tx.savepoint(async |tx| {
                    let kept = heard.clone();
                    tx.after_commit(async move { kept.send("kept scope").unwrap() });
                    Ok::<_, Error>(())
                })
                .await
            })
            .await
            .unwrap();
        drop(heard);
        assert_eq!(said.recv().await, Some("outer"));
        assert_eq!(said.recv().await, Some("kept scope"));
        assert_eq!(said.recv().await, None);
    }
}
