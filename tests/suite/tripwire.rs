//! Pools of the application's own, and what is taken out of them inside a boundary.

use std::sync::{Arc, Mutex};

use demarcate::{Error, TxOptions, tripwire, tripwire_log};
use demarcate_tests::on_every_database;
use sqlx::pool::PoolOptions;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::{ITEMS, items, listen};

/// The events of a tripwire, as `boundary | service`.
#[derive(Clone, Default)]
struct Tripped(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Tripped {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Fields([String; 2]);
        impl Visit for Fields {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                match field.name() {
                    "boundary" => self.0[0] = format!("{value:?}"),
                    "service" => self.0[1] = format!("{value:?}"),
                    _ => {}
                }
            }
        }
        if event.metadata().target() == "demarcate::tripwire" {
            let mut fields = Fields(Default::default());
            event.record(&mut fields);
            self.0.lock().unwrap().push(fields.0.join(" | "));
        }
    }
}

on_every_database! {
    #[demarcate::service(allow(past_the_session, other_executor, reason = "a test"))]
    async fn audited(_tx: &mut Session, pool: &sqlx::Pool<Database>) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("select count(*) from items").fetch_one(pool).await
    }

    /// A new connection, and then one that was idle.
    #[tokio::test]
    async fn what_passes_the_session_is_rolled_back_and_told() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let pool = PoolOptions::<Database>::new()
            .max_connections(1)
            .after_connect(tripwire())
            .before_acquire(tripwire())
            .connect_lazy(db.own_url())
            .unwrap();
        let tripped = Tripped::default();
        let _listening = listen(tracing_subscriber::registry().with(tripped.clone()));
        for taken in ["new", "idle"] {
            let line = line!() + 2;
            let result = factory
                .transaction(async |tx| {
                    audited(tx, &pool).await?;
                    audited(tx, &pool).await?;
                    sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await;
            let Err(error @ Error::RollbackOnly { .. }) = result else {
                panic!("{taken}: {result:?}");
            };
            let text = format!("{error:#}");
            let boundary = format!("transaction `transaction` (tests/suite/tripwire.rs:{line})");
            assert!(text.contains(&boundary), "{text}");
            assert!(text.contains("service `audited`"), "{text}");
            assert!(text.contains("give them the session, `&mut *tx`"), "{text}");
            // Once for each run.
            let told = std::mem::take(&mut *tripped.0.lock().unwrap());
            assert_eq!(told.len(), 1, "{taken}: {told:?}");
            assert!(told[0].starts_with(&boundary) && told[0].contains("| service `audited`"), "{told:?}");
        }
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn what_is_taken_outside_of_a_boundary_passes() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let pool = PoolOptions::<Database>::new()
            .max_connections(1)
            .after_connect(tripwire())
            .before_acquire(tripwire())
            .connect_lazy(db.own_url())
            .unwrap();
        let count = || sqlx::query_scalar::<_, i64>("select count(*) from items").fetch_one(&pool);
        assert_eq!(count().await.unwrap(), 0);
        let after = pool.clone();
        factory
            .transaction(async move |tx| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                tx.after_commit(async move {
                    sqlx::query("select count(*) from items").fetch_one(&after).await.unwrap();
                });
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(count().await.unwrap(), 1);
    }

    /// A boundary takes its own connection through the hook.
    #[tokio::test]
    async fn a_pool_with_the_hook_is_a_factorys_own_as_well() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let pool = PoolOptions::<Database>::new()
            .max_connections(2)
            .after_connect(tripwire())
            .before_acquire(tripwire())
            .connect_lazy(db.own_url())
            .unwrap();
        let factory = SessionFactory::from_pool(pool.clone(), TxOptions::new()).unwrap();
        for id in 1..3_i64 {
            let insert = format!("insert into items (id) values ({id})");
            factory
                .transaction(async |tx| {
                    sqlx::query(sqlx::AssertSqlSafe(insert.clone())).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
        }
        let passed = factory
            .transaction(async |tx| {
                audited(tx, &pool).await?;
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(passed, Err(Error::RollbackOnly { .. })), "{passed:?}");
        assert_eq!(items(&db).await, 2);
        pool.close().await;
    }

    #[tokio::test]
    async fn one_that_logs_lets_the_boundary_commit() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let pool = PoolOptions::<Database>::new()
            .max_connections(1)
            .after_connect(tripwire_log())
            .before_acquire(tripwire_log())
            .connect_lazy(db.own_url())
            .unwrap();
        let tripped = Tripped::default();
        let _listening = listen(tracing_subscriber::registry().with(tripped.clone()));
        factory
            .transaction(async |tx| {
                audited(tx, &pool).await?;
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 1);
        assert_eq!(tripped.0.lock().unwrap().len(), 1);
    }
}
