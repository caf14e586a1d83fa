//! One boundary at a time on a task.

use std::time::Duration;

use demarcate::{Error, TxOptions};
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

on_every_database! {
    #[tokio::test]
    async fn a_boundary_inside_another_is_refused_and_the_outer_goes_on() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let same = factory.clone();
        factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                let inner: Result<(), Error> = same.transaction(async |_| Ok(())).await;
                match inner {
                    Err(error @ Error::NestedBoundary { .. }) => {
                        let outer = tx.boundary().to_string();
                        assert!(error.to_string().contains(&outer), "{error}");
                    }
                    other => panic!("{other:?}"),
                }
                sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn side_by_side_and_on_other_tasks_they_are_not_nested() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder()
            .url(db.url())
            .acquire_timeout(Duration::from_secs(10))
            .connect()
            .await
            .unwrap();
        let count = || async {
            factory
                .transaction_with(TxOptions::new().read_only(), async |tx: &mut Session| {
                    let count: i64 = sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?;
                    Ok::<_, Error>(count)
                })
                .await
        };
        let (first, second) = tokio::join!(count(), count());
        assert_eq!((first.unwrap(), second.unwrap()), (0, 0));

        let other = factory.clone();
        factory
            .transaction_with(TxOptions::new().read_only(), async |_: &mut Session| {
                let other = other.clone();
                let task = tokio::spawn(async move {
                    other.transaction(async |_| Ok::<_, Error>(())).await
                });
                task.await.unwrap()
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn an_independent_one_is_a_transaction_of_its_own() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let same = factory.clone();
        let result: Result<(), Error> = factory
            .transaction(async |_| {
                same.transaction_with(TxOptions::new().independent(), async |tx: &mut Session| {
                    sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await?;
                Err(sqlx::Error::RowNotFound.into())
            })
            .await;
        assert!(result.is_err());
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn another_factory_is_another_pool() {
        let (one, two) = (test_db().await, test_db().await);
        two.admin(ITEMS).await;
        let outer = SessionFactory::connect(one.url()).await.unwrap();
        let inner = SessionFactory::connect(two.url()).await.unwrap();
        outer
            .transaction(async |_| {
                inner
                    .transaction(async |tx| {
                        sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                        Ok::<_, Error>(())
                    })
                    .await
            })
            .await
            .unwrap();
        assert_eq!(items(&two).await, 1);
    }

    #[tokio::test]
    async fn two_factories_over_one_pool_are_one() {
        let db = test_db().await;
        let pool = sqlx::Pool::<Database>::connect(db.url()).await.unwrap();
        let (one, two) = (SessionFactory::from(pool.clone()), SessionFactory::from(pool));
        let result: Result<(), Error> = one.transaction(async |_| two.transaction(async |_| Ok(())).await).await;
        assert!(matches!(result, Err(Error::NestedBoundary { .. })), "{result:?}");
    }
}
