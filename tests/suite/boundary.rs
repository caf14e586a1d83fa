//! Begin, commit and rollback: when, how often, and at what cost.

use demarcate::{Error, TxOptions};
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

on_every_database! {
    #[tokio::test]
    async fn ok_commits() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let answer = factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                Ok::<_, Error>("stored")
            })
            .await
            .unwrap();
        assert_eq!(answer, "stored");
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn err_rolls_back_and_is_the_callers_own() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let result: anyhow::Result<()> = factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                anyhow::bail!("no stock")
            })
            .await;
        assert_eq!(result.unwrap_err().to_string(), "no stock");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn a_panic_rolls_back_and_goes_on_to_the_caller() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let task = tokio::spawn({
            let factory = factory.clone();
            async move {
                factory
                    .transaction(async |tx| {
                        sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                        if true {
                            panic!("out of cheese");
                        }
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        let panic = task.await.unwrap_err().into_panic();
        assert_eq!(*panic.downcast::<&str>().unwrap(), "out of cheese");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn a_body_without_a_statement_costs_no_round_trip_and_no_connection() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory.transaction(async |_| Ok::<_, Error>(())).await.unwrap();
        let stats = factory.stats()[0].1.clone();
        assert_eq!((stats.committed, stats.statements, stats.round_trips), (1, 0, 0));
    }

    #[tokio::test]
    async fn n_statements_cost_n_and_2_round_trips() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let insert = async |from: i64| {
            factory
                .transaction_with(TxOptions::new().name("insert"), async |tx: &mut Session| {
                    for id in from..from + 3 {
                        let insert = format!("insert into items (id) values ({id})");
                        sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
                    }
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            factory.stats()[0].1.clone()
        };
        let first = insert(0).await;
        assert_eq!((first.statements, first.round_trips), (3, 5));
        let second = insert(10).await;
        assert_eq!((second.committed, second.statements, second.round_trips), (2, 6, 10));
    }

    #[tokio::test]
    async fn the_closures_future_is_send_and_borrows_its_environment() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let done = tokio::spawn(async move {
            let names = vec!["a".to_owned(), "b".to_owned()];
            let lent = &names;
            factory
                .transaction(async |tx| {
                    for name in lent {
                        let _: Option<(i64,)> = sqlx::query_as("select 1 from items where name = 'x'")
                            .fetch_optional(&mut *tx)
                            .await?;
                        assert!(!name.is_empty());
                    }
                    Ok::<_, Error>(lent.len())
                })
                .await
        });
        assert_eq!(done.await.unwrap().unwrap(), 2);
    }

    #[tokio::test]
    async fn a_users_own_pool_is_a_factory() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let pool = sqlx::Pool::<Database>::connect(db.url()).await.unwrap();
        let factory = SessionFactory::from(pool.clone());
        factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let failed: Result<(), Error> = factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await?;
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                Ok(())
            })
            .await;
        assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
        factory.close(crate::GRACE).await;
        assert!(pool.is_closed());
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn close_waits_for_what_is_open() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let (opened, is_open) = tokio::sync::oneshot::channel();
        let (release, released) = tokio::sync::oneshot::channel::<()>();
        let boundary = tokio::spawn({
            let factory = factory.clone();
            async move {
                factory
                    .transaction(async move |tx| {
                        opened.send(()).unwrap();
                        released.await.ok();
                        // The first statement, so that the connection is taken only now.
                        sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        is_open.await.unwrap();
        let closing = tokio::spawn({
            let factory = factory.clone();
            async move { factory.close(crate::GRACE).await }
        });
        let closing_refuses = async || {
            matches!(factory.transaction(async |_| Ok::<_, Error>(())).await, Err(Error::Closed { .. }))
        };
        crate::eventually("new boundaries are refused", closing_refuses).await;
        assert!(!closing.is_finished());
        release.send(()).unwrap();
        boundary.await.unwrap().unwrap();
        closing.await.unwrap();
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn closed_from_inside_it_ends_with_the_boundary() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let same = factory.clone();
        factory
            .transaction(async |tx| {
                same.close(crate::GRACE).await;
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn a_closed_factory_says_so() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory.close(crate::GRACE).await;
        let refused: Result<(), Error> = factory.transaction(async |_| Ok(())).await;
        assert!(matches!(refused, Err(Error::Closed { .. })), "{refused:?}");
    }
}

/// A deferred transaction that reads and then writes fails wherever another wrote in between.
#[tokio::test]
async fn on_sqlite_boundaries_that_read_and_then_write_wait_for_each_other() {
    let db = demarcate_tests::sqlite().await;
    db.admin(ITEMS).await;
    db.admin("insert into items (id, name) values (1, '0')")
        .await;
    let factory = demarcate::sqlite::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let count_up = || {
        let factory = factory.clone();
        tokio::spawn(async move {
            factory
                .transaction(async |tx| {
                    let name: String = sqlx::query_scalar("select name from items where id = 1")
                        .fetch_one(&mut *tx)
                        .await?;
                    tokio::task::yield_now().await;
                    let next = (name.parse::<i64>().unwrap() + 1).to_string();
                    sqlx::query("update items set name = $1 where id = 1")
                        .bind(next)
                        .execute(&mut *tx)
                        .await?;
                    Ok::<_, Error>(())
                })
                .await
        })
    };
    let all: Vec<_> = (0..20).map(|_| count_up()).collect();
    for one in all {
        one.await.unwrap().unwrap();
    }
    assert_eq!(
        db.admin_value::<String>("select name from items where id = 1")
            .await,
        "20"
    );
}

/// Each future around the body's that held it by value would add its size once more.
#[tokio::test]
async fn a_boundary_is_little_larger_than_its_body() {
    use demarcate::sqlite::{Session, SessionFactory};

    const LARGE: usize = 10_000;

    let factory = SessionFactory::connect("sqlite::memory:").await.unwrap();
    let once = factory.transaction(async |_| {
        let large = [1_u8; LARGE];
        tokio::task::yield_now().await;
        std::hint::black_box(&large);
        Ok::<_, demarcate::Error>(())
    });
    let again = factory.transaction_with(TxOptions::new(), async |_: &mut Session| {
        let large = [1_u8; LARGE];
        tokio::task::yield_now().await;
        std::hint::black_box(&large);
        Ok::<_, demarcate::Error>(())
    });
    let (once, again) = (size_of_val(&once) - LARGE, size_of_val(&again) - LARGE);
    println!("around a body: {once} and {again} bytes");
    assert!(once.max(again) < 4_096, "{once} and {again} bytes");
}
