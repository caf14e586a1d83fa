//! Statement, lock and idle timeouts, and defaults for all boundaries of a factory.

use std::time::{Duration, Instant};

use demarcate::{Error, Isolation, TxOptions};
use demarcate_tests::on_every_database;

use crate::{ITEMS, items};

const SHORT: Duration = Duration::from_millis(150);

/// Something that runs for long, on each database.
pub(crate) trait Slow {
    const SLOW: &'static str;
}

impl Slow for sqlx::Postgres {
    const SLOW: &'static str = "select pg_sleep(30)";
}

impl Slow for sqlx::MySql {
    const SLOW: &'static str = "select sleep(30)";
}

impl Slow for sqlx::Sqlite {
    const SLOW: &'static str = "with recursive n (i) as (select 1 union all select i + 1 from n limit 2000000000) select count(*) from n";
}

on_every_database! {
    #[tokio::test]
    async fn a_statement_that_takes_too_long_fails_and_the_boundary_with_it() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(1).connect().await.unwrap();
        let options = || TxOptions::new().statement_timeout(SHORT).timeout(Duration::from_secs(20));
        for streamed in [false, true] {
            let started = Instant::now();
            let failed: Result<(), Error> = factory
                .transaction_with(options(), async |tx: &mut Session| {
                    sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
                    let slow = <Database as Slow>::SLOW;
                    if streamed {
                        sqlx::query(slow).fetch_all(&mut *tx).await?;
                    } else {
                        sqlx::query(slow).fetch_optional(&mut *tx).await?;
                    }
                    Ok(())
                })
                .await;
            assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
            match failed {
                Err(Error::StatementTimeout { after, .. }) => assert_eq!(after, SHORT),
                Err(Error::Database { source, .. }) => {
                    assert_eq!(source.as_database_error().unwrap().code().as_deref(), Some("57014"));
                }
                other => panic!("{other:?}"),
            }
        }
        // The only connection is there again, and no setting has stayed on it.
        factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (2)").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 1);
    }

    #[tokio::test]
    async fn a_wait_for_a_lock_has_its_own_limit() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        db.admin("insert into items (id) values (1)").await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(2).connect().await.unwrap();
        // MySQL counts in seconds.
        let limit = Duration::from_secs(1);
        let held = factory.transaction(async |tx| {
            sqlx::query("update items set name = 'held' where id = 1").execute(&mut *tx).await?;
            let started = Instant::now();
            let options = TxOptions::new().lock_timeout(limit).independent();
            let failed: Result<(), Error> = factory
                .transaction_with(options, async |tx: &mut Session| {
                    sqlx::query("update items set name = 'wanted' where id = 1").execute(&mut *tx).await?;
                    Ok(())
                })
                .await;
            assert!(matches!(failed, Err(Error::Database { .. })), "{failed:?}");
            let waited = started.elapsed();
            assert!(waited >= limit && waited < Duration::from_secs(4), "{waited:?}");
            Ok::<_, Error>(())
        });
        held.await.unwrap();
    }

    #[tokio::test]
    async fn the_defaults_of_a_factory_hold_where_a_boundary_says_nothing() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let with_defaults = async |defaults| {
            SessionFactory::builder().url(db.url()).defaults(defaults).connect().await.unwrap()
        };
        let insert = async |tx: &mut Session| {
            sqlx::query("insert into items (id) values (1)").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        };
        let factory = with_defaults(TxOptions::new().read_only()).await;
        let refused = factory.transaction(insert).await;
        assert!(matches!(refused, Err(Error::Database { .. })), "{refused:?}");
        factory.transaction_with(TxOptions::new().read_write(), insert).await.unwrap();
        assert_eq!(items(&db).await, 1);
        factory.close(crate::GRACE).await;

        let factory = with_defaults(TxOptions::new().read_only().timeout(SHORT)).await;
        let late: Result<(), Error> = factory
            .transaction(async |tx| {
                sqlx::query("select 1").execute(&mut *tx).await?;
                std::future::pending().await
            })
            .await;
        assert!(matches!(late, Err(Error::Timeout { after, .. }) if after == SHORT), "{late:?}");
        let patient = TxOptions::new().timeout(Duration::from_secs(20));
        let refused = factory.transaction_with(patient, insert).await;
        assert!(matches!(refused, Err(Error::Database { .. })), "the other default holds: {refused:?}");
    }

    #[tokio::test]
    async fn defaults_that_nobody_could_honour_are_refused_at_the_start() {
        let db = test_db().await;
        for defaults in [
            TxOptions::new().name("everybody"),
            TxOptions::new().timeout(Duration::ZERO),
            TxOptions::new().retry(101),
            TxOptions::new().deferrable(),
            TxOptions::new().statement_timeout(Duration::MAX),
        ] {
            let refused = SessionFactory::builder().url(db.url()).defaults(defaults).connect().await;
            assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
        }
    }

    #[tokio::test]
    async fn timeouts_of_nothing_and_of_ages_are_refused() {
        let db = test_db().await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        for limit in [Duration::ZERO, Duration::from_secs(24 * 60 * 60 + 1), Duration::MAX] {
            for options in [
                TxOptions::new().timeout(limit),
                TxOptions::new().statement_timeout(limit),
                TxOptions::new().lock_timeout(limit),
                TxOptions::new().idle_timeout(limit),
            ] {
                let refused: Result<(), Error> = factory
                    .transaction_with(options, async |_: &mut Session| panic!("the body was run"))
                    .await;
                assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
            }
        }
        let options = TxOptions::new().read_only().confirm_commit();
        let refused: Result<(), Error> = factory
            .transaction_with(options, async |_: &mut Session| panic!("the body was run"))
            .await;
        assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn what_a_database_has_not_is_refused_before_a_connection_is_taken() {
    use demarcate::{mysql, sqlite};

    let mariadb = mysql::SessionFactory::connect_lazy("mysql://nobody@127.0.0.1:1/none").unwrap();
    for options in [
        TxOptions::new().confirm_commit(),
        TxOptions::new().idle_timeout(SHORT),
        TxOptions::new().lock_timeout(SHORT),
        TxOptions::new()
            .isolation(Isolation::Serializable)
            .read_only()
            .deferrable(),
    ] {
        let refused: Result<(), Error> = mariadb
            .transaction_with(options, async |_: &mut mysql::Session| {
                panic!("the body was run")
            })
            .await;
        assert!(
            matches!(refused, Err(Error::Unsupported { .. })),
            "{refused:?}"
        );
    }
    let sqlite = sqlite::SessionFactory::connect_lazy("sqlite://nowhere/to/be.found").unwrap();
    for options in [
        TxOptions::new().confirm_commit(),
        TxOptions::new().idle_timeout(SHORT),
        TxOptions::new().isolation(Isolation::ReadCommitted),
    ] {
        let refused: Result<(), Error> = sqlite
            .transaction_with(options, async |_: &mut sqlite::Session| {
                panic!("the body was run")
            })
            .await;
        assert!(
            matches!(refused, Err(Error::Unsupported { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_transaction_that_lies_idle_is_ended_by_the_server() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let ended: Result<(), Error> = factory
        .transaction_with(
            TxOptions::new().idle_timeout(SHORT).retry(3),
            async |tx: &mut demarcate::postgres::Session| {
                let session: i32 = sqlx::query_scalar("select pg_backend_pid()")
                    .fetch_one(&mut *tx)
                    .await?;
                sqlx::query("insert into items (id) values (1)")
                    .execute(&mut *tx)
                    .await?;
                let there =
                    format!("select exists (select from pg_stat_activity where pid = {session})");
                crate::eventually("the server ends its session", async || {
                    !db.admin_value::<bool>(&there).await
                })
                .await;
                sqlx::query("insert into items (id) values (2)")
                    .execute(&mut *tx)
                    .await?;
                Ok(())
            },
        )
        .await;
    assert!(ended.is_err(), "{ended:?}");
    assert_eq!(items(&db).await, 0);
}

/// Every option reaches PostgreSQL, and they hold for one transaction.
#[tokio::test]
async fn the_server_is_told_of_every_option() {
    let db = demarcate_tests::postgres().await;
    let builder = demarcate::postgres::SessionFactory::builder();
    let factory = builder
        .url(db.url())
        .max_connections(1)
        .connect()
        .await
        .unwrap();
    let settings = "select concat_ws(' ', current_setting('transaction_isolation'),
        current_setting('transaction_read_only'), current_setting('transaction_deferrable'),
        current_setting('statement_timeout'), current_setting('lock_timeout'),
        current_setting('idle_in_transaction_session_timeout'))";
    let options = TxOptions::new()
        .isolation(Isolation::Serializable)
        .read_only()
        .deferrable()
        .statement_timeout(Duration::from_secs(5))
        .lock_timeout(Duration::from_secs(4))
        .idle_timeout(Duration::from_secs(3));
    for (options, expected) in [
        (options, "serializable on on 5s 4s 3s"),
        (TxOptions::new(), "read committed off off 0 0 0"),
    ] {
        let seen: String = factory
            .transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
                Ok::<_, Error>(sqlx::query_scalar(settings).fetch_one(&mut *tx).await?)
            })
            .await
            .unwrap();
        assert_eq!(seen, expected);
    }
}

/// The number of the backend is asked for before the snapshot is taken that stays.
#[tokio::test]
async fn a_lock_that_comes_first_comes_before_the_snapshot() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let factory = demarcate::postgres::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let options = TxOptions::new().isolation(Isolation::RepeatableRead);
    let seen: i64 = factory
        .transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
            sqlx::query("lock table items in share mode")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(
                sqlx::query_scalar("select count(*) from items")
                    .fetch_one(&mut *tx)
                    .await?,
            )
        })
        .await
        .unwrap();
    assert_eq!(seen, 0);
    let other = factory.transaction(async |tx| {
        sqlx::query("lock table items in row exclusive mode")
            .execute(&mut *tx)
            .await?;
        let waiting = tokio::spawn({
            let factory = factory.clone();
            async move {
                let options = TxOptions::new().isolation(Isolation::RepeatableRead);
                factory
                    .transaction_with(options, async |tx: &mut demarcate::postgres::Session| {
                        sqlx::query("lock table items in share mode")
                            .execute(&mut *tx)
                            .await?;
                        let count = sqlx::query_scalar("select count(*) from items");
                        Ok::<i64, Error>(count.fetch_one(&mut *tx).await?)
                    })
                    .await
            }
        });
        let is_waiting = "select exists (select from pg_locks join pg_database on pg_database.oid = database \
            where datname = current_database() and not granted)";
        crate::eventually("the lock is waited for", async || {
            db.admin_value::<bool>(is_waiting).await
        })
        .await;
        sqlx::query("insert into items (id) values (1)")
            .execute(&mut *tx)
            .await?;
        Ok::<_, Error>(waiting)
    });
    let waiting = other.await.unwrap();
    assert_eq!(
        waiting.await.unwrap().unwrap(),
        1,
        "the snapshot was taken after the lock"
    );
}
