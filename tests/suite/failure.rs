//! `Ok` means committed: a session that has failed does not commit.

use std::error::Error as _;

use demarcate::Error;
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

on_every_database! {
    #[tokio::test]
    async fn a_swallowed_error_aborts_and_stores_nothing() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        db.admin("insert into items (id) values (1)").await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let result = factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await?;
                let swallowed = sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await;
                assert!(swallowed.unwrap_err().into_database_error().unwrap().is_unique_violation());
                Ok::<_, Error>(())
            })
            .await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Aborted { .. }), "{error:?}");
        let first = error.source().unwrap().downcast_ref::<sqlx::Error>().unwrap();
        assert!(first.as_database_error().unwrap().is_unique_violation(), "the source is the first error");
        assert_eq!(error.boundary().unwrap().file(), file!());
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn statements_after_a_failure_fail_at_once_and_name_the_first() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let result = factory
            .transaction(async |tx| {
                let first = sqlx::query("select * from no_such_table").execute(&mut *tx).await.unwrap_err();
                let later = sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await.unwrap_err();
                assert_eq!(later.as_database_error().unwrap().code().unwrap(), "25P02");
                let first = first.as_database_error().unwrap().message().to_owned();
                assert!(later.to_string().contains(&first), "{later}");
                Err::<(), Error>(later.into())
            })
            .await;
        assert!(matches!(result, Err(Error::Aborted { .. })), "{result:?}");
        let stats = factory.stats()[0].1.clone();
        assert_eq!((stats.rolled_back, stats.statements), (1, 1));
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn what_is_between_the_body_and_its_data_is_no_failure() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id, name) values (1, 'one')").execute(&mut *tx).await?;
                let missing = sqlx::query("select id from items where id = 2").fetch_one(&mut *tx).await;
                assert!(matches!(missing, Err(sqlx::Error::RowNotFound)));
                let wrong: Result<i64, _> =
                    sqlx::query_scalar("select name from items where id = 1").fetch_one(&mut *tx).await;
                assert!(matches!(wrong, Err(sqlx::Error::ColumnDecode { .. })));
                sqlx::query("insert into items (id) values (3)").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn a_dropped_statement_is_a_failure() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        db.admin("insert into items (id) values (1), (2), (3)").await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let result = factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (4)").execute(&mut *tx).await?;
                // Sent, and dropped without an answer. A server may have answered before the first poll is over:
                // that statement completed, and the next one is tried.
                let update = || sqlx::query("update items set name = 'x' where id = 1");
                while futures_util::poll!(Box::pin(update().execute(&mut *tx))).is_ready() {}
                Ok::<_, Error>(())
            })
            .await;
        let error = result.unwrap_err();
        assert!(matches!(error, Error::Aborted { .. }), "{error:?}");
        assert!(error.to_string().contains("dropped before it completed"), "{error}");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 3);
    }

    #[tokio::test]
    async fn a_missing_table_says_which() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let result: Result<(), Error> = factory
            .transaction(async |tx| {
                sqlx::query("insert into orders (id) values (1)").execute(&mut *tx).await?;
                Ok(())
            })
            .await;
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with("transaction `transaction` ("), "{message}");
        assert!(message.contains("orders"), "{message}");
    }
}

/// SQLite ends a transaction by itself on some errors; a body that goes on must not autocommit.
#[tokio::test]
async fn on_sqlite_a_transaction_that_a_trigger_ended_does_not_commit_the_rest() {
    let db = demarcate_tests::sqlite().await;
    db.admin(ITEMS).await;
    db.admin(
        "create trigger no_twos before insert on items when new.id = 2 begin select raise(rollback, 'no twos'); end",
    )
    .await;
    let factory = demarcate::sqlite::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let result = factory
        .transaction(async |tx| {
            sqlx::query("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            assert!(
                sqlx::query("insert into items (id) values (2)")
                    .execute(&mut *tx)
                    .await
                    .is_err()
            );
            assert!(
                sqlx::query("insert into items (id) values (3)")
                    .execute(&mut *tx)
                    .await
                    .is_err()
            );
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(result, Err(Error::Aborted { .. })), "{result:?}");
    factory.close(crate::GRACE).await;
    assert_eq!(items(&db).await, 0);
}

/// PostgreSQL checks a deferred constraint at COMMIT.
#[tokio::test]
async fn on_postgres_a_failure_at_commit_is_the_databases() {
    let db = demarcate_tests::postgres().await;
    db.admin("create table items (id bigint unique deferrable initially deferred)")
        .await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let result = factory
        .transaction(async |tx| {
            sqlx::query("insert into items (id) values (1), (1)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
        .await;
    match result {
        Err(Error::Database { source, .. }) => {
            assert!(source.into_database_error().unwrap().is_unique_violation());
        }
        other => panic!("{other:?}"),
    }
    factory.close(crate::GRACE).await;
    assert_eq!(items(&db).await, 0);
}

/// What a procedure has committed cannot be taken back; nothing more is added to it.
#[tokio::test]
async fn on_mariadb_nothing_follows_a_procedure_that_has_committed() {
    let db = demarcate_tests::mariadb().await;
    db.admin(ITEMS).await;
    db.admin("create procedure sneaky() begin insert into items (id) values (1); commit; end")
        .await;
    db.admin("create procedure honest() begin insert into items (id) values (10); end")
        .await;
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    for in_scope in [false, true] {
        let result: Result<(), Error> = factory
            .transaction(async |tx| {
                sqlx::query("call sneaky()").execute(&mut *tx).await?;
                if in_scope {
                    tx.savepoint(async |tx| {
                        sqlx::query("insert into items (id) values (2)")
                            .execute(&mut *tx)
                            .await?;
                        Ok::<_, Error>(())
                    })
                    .await
                } else {
                    sqlx::query("insert into items (id) values (2)")
                        .execute(&mut *tx)
                        .await?;
                    Ok(())
                }
            })
            .await;
        assert!(matches!(result, Err(Error::Aborted { .. })), "{result:?}");
        assert_eq!(
            db.admin_value::<i64>("select count(*) from items where id = 2")
                .await,
            0
        );
        db.admin("delete from items").await;
    }
    factory
        .transaction(async |tx| {
            sqlx::query("call honest()").execute(&mut *tx).await?;
            sqlx::query("insert into items (id) values (11)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(items(&db).await, 2);
}

/// The victim of a deadlock has lost its transaction; going on would commit the rest of it.
#[tokio::test]
async fn on_mariadb_a_transaction_that_is_gone_is_found_at_commit() {
    let db = demarcate_tests::mariadb().await;
    db.admin(ITEMS).await;
    db.admin("create procedure sneaky() begin insert into items (id) values (1); commit; end")
        .await;
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let result = factory
        .transaction(async |tx| {
            sqlx::raw_sql("call sneaky()").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(result, Err(Error::Aborted { .. })), "{result:?}");
}

/// `completion_type` makes a plain COMMIT begin the next transaction at once, in which others' writes vanish.
#[tokio::test]
async fn on_mariadb_a_commit_leaves_nothing_open_whatever_completion_type_says() {
    let db = demarcate_tests::mariadb().await;
    db.admin(ITEMS).await;
    let pool = sqlx::mysql::MySqlPoolOptions::new()
        .max_connections(1)
        .connect(db.url())
        .await
        .unwrap();
    let factory = demarcate::mysql::SessionFactory::from(pool.clone());
    sqlx::query("set completion_type = 1")
        .execute(&pool)
        .await
        .unwrap();
    factory
        .transaction(async |tx| {
            sqlx::query("insert into items (id) values (1)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    sqlx::query("insert into items (id) values (2)")
        .execute(&pool)
        .await
        .unwrap();
    assert_eq!(items(&db).await, 2);
}

/// What sqlx itself refuses never reached the file, and a database in memory is lost with its connection.
#[tokio::test]
async fn on_sqlite_a_parameter_that_cannot_be_bound_costs_no_database() {
    use demarcate::TxOptions;
    use demarcate::sqlite::{Session, SessionFactory};

    let factory = SessionFactory::connect("sqlite::memory:").await.unwrap();
    factory
        .transaction(async |tx| {
            sqlx::query("create table items (id int)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    for sql in [
        "select * from items where id = :id",
        "select * from items where id = $id",
    ] {
        let failed = factory
            .transaction_with(TxOptions::new().retry(1), async |tx: &mut Session| {
                sqlx::query(sql).bind(1).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap_err();
        assert!(!failed.classification().retryable, "{failed:#}");
        let count: i64 = factory
            .transaction(async |tx| {
                let count = sqlx::query_scalar("select count(*) from items");
                Ok::<_, Error>(count.fetch_one(&mut *tx).await?)
            })
            .await
            .unwrap();
        assert_eq!(count, 0);
    }
    factory.close(crate::GRACE).await;
}
