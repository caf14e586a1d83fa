//! Never a dirty connection in the pool: wherever a future is dropped, the transaction is rolled back.

use std::time::Duration;

use demarcate::{Error, TxOptions};
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

on_every_database! {
    /// The future is dropped after every number of polls that it has, so at every await point there is.
    #[tokio::test]
    async fn dropped_at_any_await_point_it_leaves_nothing_open() {
        use std::task::Poll;

        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        // A text of its own each time, and a value, so that the statement is prepared in several messages.
        let insert = |id: i64| {
            let mut insert = sqlx::QueryBuilder::<Database>::new(format!("/* {id} */ insert into items (id) values ("));
            insert.push_bind(id).push(")");
            insert
        };
        let mut committed = 0;
        let mut kept = 0;
        for polls in 0.. {
            let id = 10 * polls;
            let done = {
                let boundary = factory.transaction(async |tx| {
                    for id in [id, id + 1] {
                        insert(id).build().execute(&mut *tx).await?;
                    }
                    tx.savepoint(async |tx| {
                        insert(id + 2).build().execute(&mut *tx).await?;
                        Ok::<_, Error>(())
                    })
                    .await
                });
                let mut boundary = std::pin::pin!(boundary);
                let mut left = polls;
                std::future::poll_fn(|cx| {
                    if left == 0 {
                        return Poll::Ready(None);
                    }
                    left -= 1;
                    boundary.as_mut().poll(cx).map(Some)
                })
                .await
            };
            // An unrelated write on the same, only, connection is visible at once to everybody.
            factory
                .transaction_with(TxOptions::new().name("unrelated"), async |tx: &mut Session| {
                    insert(id + 5).build().execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            let unrelated = format!("select count(*) from items where id = {}", id + 5);
            assert_eq!(db.admin_value::<i64>(&unrelated).await, 1, "after {polls} polls");
            // All of the boundary's writes, or none.
            let own = format!("select count(*) from items where id between {id} and {}", id + 2);
            match db.admin_value::<i64>(&own).await {
                0 => assert!(!matches!(done, Some(Ok(())))),
                3 if done.is_none() => kept += 1,
                3 => committed += 1,
                half => panic!("after {polls} polls, {half} of 3 writes were kept"),
            }
            if let Some(done) = done {
                done.unwrap();
                break;
            }
        }
        assert_eq!(committed, 1);
        // A drop that comes after the body's end lets the commit go on, and it is counted as one.
        let stats = factory.stats();
        let counted = stats.iter().find(|(site, _)| site.name() == "transaction").unwrap().1.clone();
        assert_eq!((counted.committed, counted.unknown), (committed + kept, 0));
    }

    #[tokio::test]
    async fn a_boundary_in_a_lost_race_is_rolled_back() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let slow = factory.transaction(async |tx| {
            sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
            std::future::pending::<Result<(), Error>>().await
        });
        tokio::select! {
            _ = slow => unreachable!(),
            () = tokio::time::sleep(Duration::from_millis(200)) => {}
        }
        // The only connection comes back, and is clean.
        let count: i64 = factory
            .transaction(async |tx| {
                let count = sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?;
                Ok::<_, Error>(count)
            })
            .await
            .unwrap();
        assert_eq!(count, 0);
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }
}

/// The same with the whole runtime: what is open when it ends is rolled back by the server.
#[test]
fn a_runtime_that_ends_with_an_open_boundary_rolls_back() {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    };
    let first = runtime();
    let db = first.block_on(async {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let factory = demarcate::postgres::SessionFactory::connect(db.url())
            .await
            .unwrap();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            factory
                .transaction(async move |tx| {
                    sqlx::query("insert into items (id) values (1)")
                        .execute(&mut *tx)
                        .await?;
                    begun.send(()).unwrap();
                    std::future::pending::<Result<(), Error>>().await
                })
                .await
        });
        has_begun.await.unwrap();
        db
    });
    drop(first);
    runtime().block_on(async {
        crate::eventually("no transaction is open on the server", async || {
            let open = format!(
                "select count(*) from pg_stat_activity where datname = '{}' and state like 'idle in transaction%'",
                db.name()
            );
            db.admin_value::<i64>(&open).await == 0
        })
        .await;
        assert_eq!(items(&db).await, 0);
    });
}

/// The pool of sqlx replaces a connection on a task, which it cannot have outside a runtime.
#[test]
fn dropped_outside_any_runtime_it_is_rolled_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let db = runtime.block_on(demarcate_tests::postgres());
    runtime.block_on(db.admin(ITEMS));
    let pool = runtime.block_on(async {
        let options = sqlx::postgres::PgPoolOptions::new()
            .min_connections(1)
            .max_connections(1);
        options.connect(db.url()).await.unwrap()
    });
    let own = demarcate::postgres::SessionFactory::builder()
        .url(db.url())
        .max_connections(1);
    let own = runtime.block_on(own.connect()).unwrap();
    for factory in [own, demarcate::postgres::SessionFactory::from(pool)] {
        let (begun, has_begun) = std::sync::mpsc::channel();
        let mut boundary = Box::pin({
            let factory = factory.clone();
            async move {
                factory
                    .transaction(async |tx| {
                        sqlx::query("insert into items (id) values (1)")
                            .execute(&mut *tx)
                            .await?;
                        begun.send(()).unwrap();
                        std::future::pending::<Result<(), Error>>().await
                    })
                    .await
            }
        });
        runtime.block_on(async {
            let race = tokio::time::timeout(Duration::from_secs(5), &mut boundary);
            tokio::select! {
                _ = race => panic!("the boundary never ends"),
                () = crate::eventually("the boundary has begun", async || has_begun.try_recv().is_ok()) => {}
            }
        });
        drop(boundary);
        let count = runtime.block_on(factory.transaction(async |tx| {
            Ok::<_, Error>(
                sqlx::query_scalar::<_, i64>("select count(*) from items")
                    .fetch_one(&mut *tx)
                    .await?,
            )
        }));
        assert_eq!(count.unwrap(), 0);
    }
}
