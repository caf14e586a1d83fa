//! Options are honoured or refused, never ignored.

use std::time::Duration;

use demarcate::{Error, Isolation, TxOptions};
use demarcate_tests::on_every_database;
use sqlx::Connection;

use crate::{ITEMS, items};

on_every_database! {
    /// The message names the boundary's own option, since nobody else keeps the statement from writing.
    #[tokio::test]
    async fn a_write_in_a_read_only_boundary_is_told_as_that() {
        let db = test_db().await;
        db.admin(crate::ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        for (retry, swallows) in [(0, false), (2, false), (0, true)] {
            let runs = std::sync::atomic::AtomicU32::new(0);
            let options = match retry {
                0 => TxOptions::new().read_only(),
                retry => TxOptions::new().read_only().retry(retry),
            };
            let refused = factory.transaction_with(options, async |tx: &mut Session| {
                runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let written = sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await;
                if !swallows {
                    written?;
                }
                Ok::<_, Error>(())
            }).await.unwrap_err();
            let said = refused.to_string();
            assert!(said.contains("the boundary is `read_only`"), "{said}");
            assert!(!refused.classification().retryable, "{refused:#}");
            assert_eq!(runs.into_inner(), 1);
        }
        // The connection is as good as before.
        factory.transaction(async |tx| {
            sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        }).await.unwrap();
        factory.close(crate::GRACE).await;
    }

    #[tokio::test]
    async fn a_read_only_boundary_cannot_write_and_the_next_can() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let insert = |options: TxOptions, id: i64| {
            let factory = &factory;
            async move {
                let insert = format!("insert into items (id) values ({id})");
                factory
                    .transaction_with(options, async |tx: &mut Session| {
                        let insert = sqlx::AssertSqlSafe(insert.clone());
                        sqlx::query(insert).execute(&mut *tx).await?;
                        Ok::<_, Error>(())
                    })
                    .await
            }
        };
        let refused = insert(TxOptions::new().read_only(), 1).await;
        assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
        insert(TxOptions::new(), 2).await.unwrap();
        factory
            .transaction_with(TxOptions::new().read_only(), async |tx: &mut Session| {
                let count: i64 = sqlx::query_scalar("select count(*) from items").fetch_one(&mut *tx).await?;
                assert_eq!(count, 1);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        insert(TxOptions::new(), 3).await.unwrap();
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn a_boundary_that_takes_too_long_is_rolled_back() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let limit = Duration::from_millis(300);
        let result: Result<(), Error> = factory
            .transaction_with(TxOptions::new().timeout(limit), async |tx: &mut Session| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                std::future::pending().await
            })
            .await;
        assert!(matches!(result, Err(Error::Timeout { after, .. }) if after == limit), "{result:?}");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    /// The body does not give way, so that the deadline has passed when its commit is due.
    #[tokio::test]
    async fn a_commit_that_is_too_late_is_not_sent() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let limit = Duration::from_secs(1);
        let result: Result<(), Error> = factory
            .transaction_with(TxOptions::new().timeout(limit), async |tx: &mut Session| {
                sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                std::thread::sleep(limit);
                Ok(())
            })
            .await;
        assert!(matches!(result, Err(Error::Timeout { .. })), "{result:?}");
        factory.close(crate::GRACE).await;
        assert_eq!(items(&db).await, 0);
    }

    #[tokio::test]
    async fn impossible_options_are_refused_before_a_connection_is_taken() {
        let factory = SessionFactory::connect_lazy(test_db().await.url()).unwrap();
        for options in [
            TxOptions::new().timeout(Duration::ZERO),
            TxOptions::new().timeout(Duration::from_secs(1_000_000)),
            TxOptions::new().deferrable(),
        ] {
            let result: Result<(), Error> = factory
                .transaction_with(options.clone(), async |_: &mut Session| Ok(()))
                .await;
            assert!(matches!(result, Err(Error::Config { .. })), "{options:?}: {result:?}");
        }
    }

    #[tokio::test]
    async fn an_impossible_pool_is_refused() {
        let db = test_db().await;
        let builder = || SessionFactory::builder().url(db.url());
        for (builder, word) in [
            (builder().max_connections(0), "at least 1"),
            (builder().max_connections(2).min_connections(3), "greater than `max_connections`"),
            (builder().acquire_timeout(Duration::ZERO), "more than zero"),
            (builder().max_lifetime(Duration::ZERO), "`None` for never"),
            (builder().idle_timeout(Duration::ZERO), "`None` for never"),
        ] {
            let refused = builder.connect_lazy().unwrap_err();
            assert!(matches!(refused, Error::Config { .. }), "{refused:?}");
            assert!(refused.to_string().contains(word), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_name_stands_in_errors_and_statistics() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let result: Result<(), Error> = factory
            .transaction_with(TxOptions::new().name("nightly"), async |tx: &mut Session| {
                sqlx::query("select * from nowhere").execute(&mut *tx).await?;
                Ok(())
            })
            .await;
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with("transaction `nightly` ("), "{message}");
        assert_eq!(factory.stats()[0].0.name(), "nightly");
    }
}

#[tokio::test]
async fn sqlite_refuses_the_levels_that_it_has_not() {
    let db = demarcate_tests::sqlite().await;
    let factory = demarcate::sqlite::SessionFactory::connect(db.url())
        .await
        .unwrap();
    for isolation in [Isolation::ReadCommitted, Isolation::RepeatableRead] {
        let result: Result<(), Error> = factory
            .transaction_with(
                TxOptions::new().isolation(isolation),
                async |_: &mut demarcate::sqlite::Session| Ok(()),
            )
            .await;
        assert!(
            matches!(
                result,
                Err(Error::Unsupported {
                    database: "SQLite",
                    ..
                })
            ),
            "{result:?}"
        );
    }
}

#[tokio::test]
async fn postgres_runs_at_the_level_that_was_asked_for() {
    let db = demarcate_tests::postgres().await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    for (options, level, read_only, deferrable) in [
        (TxOptions::new(), "read committed", "off", "off"),
        (
            TxOptions::new().isolation(Isolation::RepeatableRead),
            "repeatable read",
            "off",
            "off",
        ),
        (
            TxOptions::new()
                .isolation(Isolation::Serializable)
                .read_only()
                .deferrable(),
            "serializable",
            "on",
            "on",
        ),
    ] {
        let found: (String, String, String) = factory
            .transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
                let found = sqlx::query_as(
                    "select current_setting('transaction_isolation'), current_setting('transaction_read_only'), \
                     current_setting('transaction_deferrable')",
                )
                .fetch_one(&mut *tx)
                .await?;
                Ok::<_, Error>(found)
            })
            .await
            .unwrap();
        assert_eq!(
            found,
            (
                level.to_owned(),
                read_only.to_owned(),
                deferrable.to_owned()
            )
        );
    }
}

#[tokio::test]
async fn mariadb_runs_at_the_level_that_was_asked_for_and_only_then() {
    // Nobody else may look there in the meantime.
    let server = demarcate_tests::OwnMariaDb::start().await;
    let factory = demarcate::mysql::SessionFactory::builder()
        .url(server.url())
        .max_connections(1)
        .connect()
        .await
        .unwrap();
    let mut connection = sqlx::MySqlConnection::connect(server.url()).await.unwrap();
    sqlx::raw_sql(ITEMS).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let level = async |options| {
        factory
            .transaction_with(options, async |tx: &mut demarcate::mysql::Session| {
                // The level of a running transaction is shown by InnoDB alone, once it has read something,
                // and from a cache that it renews every 0.1 s.
                tokio::time::sleep(Duration::from_millis(150)).await;
                let _: i64 = sqlx::query_scalar("select count(*) from items")
                    .fetch_one(&mut *tx)
                    .await?;
                let level: String = sqlx::query_scalar(
                    "select trx_isolation_level from information_schema.innodb_trx \
                     where trx_mysql_thread_id = connection_id()",
                )
                .fetch_one(&mut *tx)
                .await?;
                Ok::<_, Error>(level)
            })
            .await
            .unwrap()
    };
    assert_eq!(
        level(TxOptions::new().isolation(Isolation::ReadCommitted)).await,
        "READ COMMITTED"
    );
    assert_eq!(level(TxOptions::new()).await, "REPEATABLE READ");
    let refused: Result<(), Error> = factory
        .transaction_with(
            TxOptions::new()
                .isolation(Isolation::Serializable)
                .read_only()
                .deferrable(),
            async |_: &mut demarcate::mysql::Session| Ok(()),
        )
        .await;
    assert!(
        matches!(refused, Err(Error::Unsupported { .. })),
        "{refused:?}"
    );
}
