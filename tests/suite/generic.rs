//! Services behind a trait, used by code that is generic over it.

use std::sync::Arc;

use demarcate::{Error, background_job, router_tx, service};
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

on_every_database! {
    #[service]
    pub(crate) trait Items: Sync {
        async fn add(&self, tx: &mut Session, id: i64) -> Result<(), sqlx::Error>;

        /// A body of the trait's own, which takes its arguments apart.
        async fn add_both(&self, tx: &mut Session, (first, mut second): (i64, i64)) -> Result<i64, sqlx::Error> {
            self.add(tx, first).await?;
            second += 1;
            self.add(tx, second).await?;
            Ok(second)
        }
    }

    pub(crate) struct SqlItems;

    #[service]
    impl Items for SqlItems {
        async fn add(&self, tx: &mut Session, id: i64) -> Result<(), sqlx::Error> {
            let insert = format!("insert into items (id) values ({id})");
            sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
            Ok(())
        }
    }

    #[service]
    async fn store<I: Items>(tx: &mut Session, items: &I, id: i64) -> Result<i64, sqlx::Error> {
        items.add(tx, id).await?;
        items.add_both(tx, (id + 1, id + 2)).await
    }

    #[router_tx]
    async fn post<I: Items + Send + 'static>(tx: &mut Session, items: Arc<I>, id: i64) -> Result<i64, Error> {
        Ok(store(tx, &*items, id).await?)
    }

    #[background_job]
    async fn later<I: Items + Send + 'static>(tx: &mut Session, items: Arc<I>, id: i64) -> Result<i64, Error> {
        Ok(store(tx, &*items, id).await?)
    }

    #[tokio::test]
    async fn a_generic_service_runs_in_a_router_a_job_and_a_closure() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let service = Arc::new(SqlItems);
        // On a task, which takes futures that are `Send` alone.
        let posted = tokio::spawn(post(factory.clone(), service.clone(), 10)).await.unwrap();
        assert_eq!(posted.unwrap(), 13);
        assert_eq!(factory.run(later(service.clone(), 20)).await.unwrap(), 23);
        let stored = factory
            .transaction(async |tx| store(tx, &*service, 30).await.map_err(Error::from))
            .await;
        assert_eq!(stored.unwrap(), 33);
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 9);
    }
}
