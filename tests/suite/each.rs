//! Items of which some fail, each in a savepoint.

use demarcate::{Error, HttpStatus};
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

on_every_database! {
    async fn insert(tx: &mut Session, id: i64) -> Result<i64, sqlx::Error> {
        let insert = format!("insert into items (id, name) values ({id}, 'x')");
        sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *tx).await?;
        Ok(id)
    }

    async fn start() -> (demarcate_tests::TestDb<Database>, SessionFactory) {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        (db, factory)
    }

    #[tokio::test]
    async fn what_fails_leaves_the_others() {
        let (db, factory) = start().await;
        for (n, failing) in [(0, 1), (1, 2), (40, 7), (300, 7), (300, 2)] {
            db.admin("delete from items").await;
            db.admin("insert into items (id) values (-1)").await;
            let items_of = move || (0..n).map(move |id| if id % failing == failing - 1 { -1 } else { id });
            let factory = factory.clone();
            let run = async move {
                factory.transaction(async |tx| {
                    tx.each(items_of(), async |tx, id| insert(tx, *id).await.map_err(Error::from)).await
                }).await
            };
            let results = tokio::spawn(run).await.unwrap().unwrap();
            assert_eq!(results.len() as i64, n);
            for (id, result) in results.iter().enumerate() {
                match (items_of().nth(id).unwrap(), result) {
                    (-1, Err(error)) => assert_eq!(error.http_status(), 409, "{error}"),
                    (id, Ok(stored)) => assert_eq!(*stored, id),
                    (id, result) => panic!("{id}: {result:?}"),
                }
            }
            assert_eq!(items(&db).await, 1 + n - n / failing);
        }
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_failure_that_the_body_ignores_is_that_of_its_item() {
        let (db, factory) = start().await;
        db.admin("insert into items (id) values (5)").await;
        let results = factory.transaction(async |tx| {
            tx.each(0..200_i64, async |tx, id| {
                insert(tx, *id).await.ok();
                Ok::<_, Error>(*id)
            }).await
        }).await.unwrap();
        let failed: Vec<_> = results.iter().enumerate().filter(|(_, result)| result.is_err()).collect();
        assert_eq!(failed.len(), 1, "{failed:?}");
        assert_eq!(failed[0].0, 5);
        assert_eq!(items(&db).await, 200);
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_session_that_has_failed_runs_no_item() {
        let (db, factory) = start().await;
        let failed = factory.transaction(async |tx| {
            insert(tx, 1).await?;
            insert(tx, 1).await.unwrap_err();
            let runs = std::sync::atomic::AtomicUsize::new(0);
            let failed = tx.each([2, 3], async |tx, id| {
                runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                insert(tx, *id).await.map_err(Error::from)
            }).await;
            assert_eq!(runs.into_inner(), 0);
            failed.map(drop)
        }).await.unwrap_err();
        assert!(matches!(failed, Error::Aborted { .. }), "{failed}");
        assert_eq!(items(&db).await, 0);
        factory.close(crate::GRACE).await;
    }
}

/// More than 64 savepoints that wrote something would make every other transaction of the server slower.
#[tokio::test]
async fn on_postgres_a_thousand_items_stay_below_what_the_server_tracks() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    factory.transaction(async |tx| {
        let results = tx.each(0..1000_i64, async |tx, id| {
            // One in a hundred fails.
            let id = if id % 100 == 99 { 0 } else { *id };
            sqlx::query("insert into items (id) values ($1)").bind(id).execute(&mut *tx).await?;
            Ok::<_, Error>(())
        }).await?;
        assert_eq!(results.iter().filter(|result| result.is_err()).count(), 10);
        let overflowed = "select subxact_overflowed from pg_stat_get_backend_subxact((select beid from \
                          pg_stat_get_backend_idset() beid where pg_stat_get_backend_pid(beid) = pg_backend_pid()))";
        let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int").fetch_one(&mut *tx).await?;
        if version >= 160_000 {
            let overflowed: bool = sqlx::query_scalar(overflowed).fetch_one(&mut *tx).await?;
            assert!(!overflowed);
        }
        Ok::<_, Error>(())
    }).await.unwrap();
    assert_eq!(items(&db).await, 990);
    factory.close(crate::GRACE).await;
}

/// What an item has left unread is read before the next begins.
#[tokio::test]
async fn on_postgres_a_row_that_was_left_and_fails_is_its_item_s() {
    use futures_util::TryStreamExt;

    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let results = factory
        .transaction(async |tx| {
            tx.each(
                0..300_i64,
                async |tx: &mut demarcate::postgres::Session, id| {
                    sqlx::query("insert into items (id) values ($1)")
                        .bind(id)
                        .execute(&mut *tx)
                        .await?;
                    if *id == 5 {
                        let mut rows =
                            sqlx::query("select 1 / (3 - n) from generate_series(1, 5) n")
                                .fetch(&mut *tx);
                        rows.try_next().await?;
                    }
                    Ok::<_, Error>(())
                },
            )
            .await
        })
        .await
        .unwrap();
    let failed: Vec<_> = results
        .iter()
        .enumerate()
        .filter(|(_, result)| result.is_err())
        .map(|(n, _)| n)
        .collect();
    assert_eq!(failed, [5]);
    assert_eq!(items(&db).await, 299);
    factory.close(crate::GRACE).await;
}

/// A conflict is the boundary's, which is run again.
#[tokio::test]
async fn on_postgres_a_conflict_ends_the_items_and_is_run_again() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let runs = std::sync::atomic::AtomicUsize::new(0);
    let options = demarcate::TxOptions::new().retry(3);
    let results = factory.transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
        let run = runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tx.each(0..3_i64, async |tx: &mut demarcate::postgres::Session, id| {
            sqlx::query("insert into items (id) values ($1)").bind(id).execute(&mut *tx).await?;
            if run == 0 && *id == 1 {
                let conflict = "do $$ begin raise exception 'a conflict' using errcode = '40001'; end $$";
                sqlx::raw_sql(conflict).execute(&mut *tx).await?;
            }
            Ok::<_, Error>(())
        }).await
    }).await.unwrap();
    assert_eq!((results.len(), runs.into_inner()), (3, 2));
    assert_eq!(items(&db).await, 3);
    factory.close(crate::GRACE).await;
}
