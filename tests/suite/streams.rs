//! A row stream that is left before its end, because what was looked for is found.

use demarcate::{Error, TxOptions};
use demarcate_tests::on_every_database;
use futures_util::TryStreamExt;
use sqlx::Row;

use crate::{ITEMS, items};

on_every_database! {
    async fn thousand() -> (demarcate_tests::TestDb<Database>, SessionFactory) {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let rows: Vec<String> = (1..=1000).map(|id| format!("({id}, 'item {id}')")).collect();
        db.admin(&format!("insert into items values {}", rows.join(", "))).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        (db, factory)
    }

    /// The first item whose number is greater than `least`.
    async fn find(tx: &mut Session, least: i64) -> Result<Option<i64>, sqlx::Error> {
        let mut rows = sqlx::query("select id, name from items order by id").fetch(&mut *tx);
        while let Some(row) = rows.try_next().await? {
            let id: i64 = row.try_get("id")?;
            if id > least {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    #[tokio::test]
    async fn it_is_no_failure_whatever_the_data() {
        let (db, factory) = thousand().await;
        for least in [0, 1, 500, 999, 1000] {
            let found = factory.transaction(async |tx| Ok::<_, Error>(find(tx, least).await?)).await;
            assert_eq!(found.unwrap(), (least < 1000).then_some(least + 1));
            let found = factory.transaction_with(TxOptions::new().read_only(), async |tx: &mut Session| {
                let found = find(tx, least).await?;
                // And it goes on.
                let count: i64 = sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?;
                assert_eq!(count, 1000);
                Ok::<_, Error>(found)
            }).await;
            assert_eq!(found.unwrap(), (least < 1000).then_some(least + 1));
        }
        factory.transaction(async |tx| {
            find(tx, 3).await?;
            sqlx::query("insert into items (id) values (1001)").execute(&mut *tx).await?;
            tx.savepoint(async |tx| {
                find(tx, 5).await?;
                Ok::<_, Error>(())
            }).await?;
            find(tx, 7).await?;
            Ok::<_, Error>(())
        }).await.unwrap();
        assert_eq!(items(&db).await, 1001);
        let status = factory.pool_status();
        assert_eq!((status.connections, status.holders.len()), (1, 0));
        factory.close(crate::GRACE).await;
    }

    /// A value of another type than asked for is the program's mistake, and no unknown effect.
    #[tokio::test]
    async fn a_row_that_cannot_be_decoded_leaves_the_transaction_as_it_is() {
        let (db, factory) = thousand().await;
        factory.transaction(async |tx| {
            sqlx::query("insert into items (id) values (1001)").execute(&mut *tx).await?;
            let read = sqlx::query_scalar::<_, i64>("select name from items where name is not null");
            read.fetch_all(&mut *tx).await.unwrap_err();
            Ok::<_, Error>(())
        }).await.unwrap();
        assert_eq!(items(&db).await, 1001);
        factory.close(crate::GRACE).await;
    }
}

mod postgres_only {
    use super::*;
    use demarcate::postgres::SessionFactory;

    /// What fails behind the row that was read is a failure of the transaction.
    #[tokio::test]
    async fn an_error_behind_the_row_is_not_missed() {
        let db = demarcate_tests::postgres().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder()
            .url(db.url())
            .max_connections(1)
            .connect()
            .await
            .unwrap();
        let ended: Result<(), Error> = factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (1)")
                    .execute(&mut *tx)
                    .await?;
                let mut rows =
                    sqlx::query("select 100000 / (100000 - n) from generate_series(1, 100000) n")
                        .fetch(&mut *tx);
                rows.try_next().await?.unwrap();
                Ok(())
            })
            .await;
        let error = ended.unwrap_err();
        assert!(error.to_string().contains("division by zero"), "{error}");
        assert_eq!(items(&db).await, 0);
        factory.close(crate::GRACE).await;
    }
}
