//! Boundaries that only read: their statements go over the wire alone, and the server still refuses a write.

use std::time::Duration;

use demarcate::{Error, Isolation, TxOptions};
use demarcate_tests::proxy::{Fault, Pattern, Proxy};
use sqlx::AssertSqlSafe;

use crate::{ITEMS, items};

/// What a boundary that reads by statement asks for, on each database.
fn reading() -> TxOptions {
    TxOptions::new()
        .isolation(Isolation::ReadCommitted)
        .read_only()
}

/// The round trips that make a connection read-only: the first time it is asked whether it may be.
const SWITCH: [usize; 2] = [2, 1];

const READ: &str = "select count(*) from items";

/// Repeats its tests on both databases that have a wire.
macro_rules! on_every_wire {
    (@ $name:ident, $module:ident, $database:ident, $slow:literal, $write:literal, $left:literal, $open:literal, $begin:literal, $($item:item)*) => {
        mod $name {
            use ::demarcate::$module::{Session, SessionFactory};
            use ::demarcate_tests::$name as test_db;

            use super::*;

            /// A view that takes long, and a function that writes behind another view: texts in which nobody sees that.
            const HIDDEN: [&str; 3] = [$slow, $write, "create view wrote as select wrote()"];

            /// Counts the statements that read the first of them.
            const LEFT: &str = $left;

            /// Counts the transactions that are open and idle.
            const OPEN: &str = $open;

            /// What stands in the message that begins a transaction.
            const BEGIN: &str = $begin;

            async fn hide(db: &demarcate_tests::TestDb<::sqlx::$database>) {
                for text in HIDDEN {
                    db.admin(text).await;
                }
            }

            /// A factory of one connection, through the proxy.
            async fn connect(proxy: &Proxy) -> SessionFactory {
                let builder = SessionFactory::builder().url(proxy.url()).max_connections(1);
                let factory = builder.connect().await.unwrap();
                proxy.forget();
                factory
            }

            /// Runs a text `times` times in one boundary. Returns the round trips of the wire.
            async fn run(
                db: &SessionFactory,
                proxy: &Proxy,
                options: TxOptions,
                text: &'static str,
                times: usize,
            ) -> Result<usize, Error> {
                proxy.forget();
                db.transaction_with(options, async |tx: &mut Session| {
                    for _ in 0..times {
                        sqlx::raw_sql(text).execute(&mut *tx).await?;
                    }
                    Ok::<_, Error>(())
                })
                .await?;
                Ok(proxy.round_trips())
            }

            $($item)*
        }
    };
    ($($item:item)*) => {
        on_every_wire! {
            @ postgres, postgres, Postgres,
            "create view slow as select 1 from pg_sleep(60)",
            "create function wrote() returns bigint language sql volatile \
             as 'insert into items (id) select 1 + coalesce(max(id), 0) from items returning id'",
            "select count(*) from pg_stat_activity where query = 'select * from slow' and state = 'active' \
             and datname = current_database()",
            "select count(*) from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()",
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY",
            $($item)*
        }
        on_every_wire! {
            @ mariadb, mysql, MySql,
            "create view slow as select sleep(60)",
            "create function wrote() returns bigint begin insert into items (id) values (1); return 1; end",
            "select count(*) from information_schema.processlist where info = 'select * from slow' and db = database()",
            "select count(*) from information_schema.innodb_trx join information_schema.processlist \
             on processlist.id = trx_mysql_thread_id where db = database()",
            "START TRANSACTION READ ONLY",
            $($item)*
        }
    };
}

on_every_wire! {
    #[tokio::test]
    async fn n_statements_cost_n_round_trips() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        let counted = || factory.stats().iter().map(|(_, stats)| stats.round_trips).sum::<u64>();
        for (statements, switch) in [(1, SWITCH[0]), (1, 0), (2, 0), (7, 0)] {
            let before = counted();
            let trips = run(&factory, &proxy, reading(), READ, statements).await.unwrap();
            assert_eq!(trips, statements + switch, "{:#?}", proxy.messages());
            assert_eq!(counted() - before, trips as u64, "the statistics agree with the wire");
        }
        // Whoever writes pays nothing for it, and nothing is sent after the answer.
        let write = "insert into items (id) select 1 + coalesce(max(id), 0) from items";
        for _ in 0..2 {
            assert_eq!(run(&factory, &proxy, TxOptions::new(), write, 1).await.unwrap(), 3);
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!(proxy.round_trips(), 3);
        }
        assert_eq!(run(&factory, &proxy, reading(), READ, 3).await.unwrap(), 3 + SWITCH[1]);
        assert_eq!(run(&factory, &proxy, reading(), READ, 3).await.unwrap(), 3);
        assert_eq!(items(&db).await, 2);
    }

    #[tokio::test]
    async fn what_is_prepared_costs_no_more_than_a_text() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for trips in [2 + SWITCH[0], 1, 1] {
            proxy.forget();
            let count = factory
                .transaction_with(reading(), async |tx: &mut Session| {
                    Ok::<_, Error>(sqlx::query_scalar::<_, i64>(READ).fetch_one(&mut *tx).await?)
                })
                .await
                .unwrap();
            assert_eq!((count, proxy.round_trips()), (0, trips), "{:#?}", proxy.messages());
        }
    }

    /// Each asks for something that only a longer transaction has.
    #[tokio::test]
    async fn whatever_needs_a_transaction_gets_one() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        run(&factory, &proxy, reading(), READ, 1).await.unwrap();
        for options in [
            TxOptions::new().read_only().isolation(Isolation::RepeatableRead),
            TxOptions::new().read_only().isolation(Isolation::Serializable),
            reading().lock_timeout(Duration::from_secs(1)),
            TxOptions::new().isolation(Isolation::ReadCommitted),
        ] {
            assert_eq!(run(&factory, &proxy, options.clone(), READ, 3).await.unwrap(), 5, "{options:?}");
        }
        // A transaction begins where the first statement needs one, and is the boundary's from then on.
        proxy.forget();
        factory
            .transaction_with(reading(), async |tx: &mut Session| {
                sqlx::raw_sql(READ).execute(&mut *tx).await?;
                tx.savepoint(async |tx| {
                    sqlx::raw_sql(READ).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await?;
                sqlx::raw_sql(READ).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(proxy.round_trips(), SWITCH[1] + 3 + 2 + 2, "{:#?}", proxy.messages());
    }

    #[tokio::test]
    async fn a_write_is_refused_wherever_it_hides_and_the_next_boundary_may_write() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        hide(&db).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for _ in 0..3 {
            run(&factory, &proxy, reading(), READ, 1).await.unwrap();
            for hidden in ["select * from wrote", "select wrote()", "insert into items (id) values (7)"] {
                let refused = run(&factory, &proxy, reading(), hidden, 1).await.unwrap_err();
                assert!(matches!(refused, Error::Database { .. }), "{refused:?}");
                assert_eq!(items(&db).await, 0, "{hidden}");
            }
            // A rollback does not take back what lets it write.
            let write = "insert into items (id) values (8)";
            let rolled_back = factory
                .transaction(async |tx| {
                    sqlx::raw_sql(write).execute(&mut *tx).await?;
                    Err::<(), Error>(sqlx::Error::RowNotFound.into())
                })
                .await;
            assert!(rolled_back.is_err());
            run(&factory, &proxy, TxOptions::new(), write, 1).await.unwrap();
            factory
                .connection(async |connection| {
                    sqlx::raw_sql("delete from items").execute(&mut *connection).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
        }
    }

    /// On a connection that was read on just before.
    #[tokio::test]
    async fn a_connection_outside_a_transaction_may_write() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for id in 0..3 {
            run(&factory, &proxy, reading(), READ, 1).await.unwrap();
            let insert = format!("insert into items (id) values ({id})");
            factory
                .connection(async |connection| {
                    sqlx::raw_sql(AssertSqlSafe(insert.clone())).execute(&mut *connection).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
        }
        assert_eq!(items(&db).await, 3);
    }

    #[tokio::test]
    async fn a_raw_connection_in_a_boundary_that_reads_leaves_it_as_it_was() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        hide(&db).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for id in 0..3 {
            run(&factory, &proxy, reading(), READ, 1).await.unwrap();
            factory
                .transaction_with(reading(), async |tx: &mut Session| {
                    sqlx::raw_sql(READ).execute(tx.unguarded().await?).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            let refused = run(&factory, &proxy, reading(), "select * from wrote", 1).await;
            assert!(refused.is_err());
            factory
                .transaction(async |tx| {
                    let insert = format!("insert into items (id) values ({id})");
                    sqlx::raw_sql(AssertSqlSafe(insert)).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
        }
        assert_eq!(items(&db).await, 3);
    }

    /// The statement is stopped, and what its connection is afterwards is what the pool takes it for.
    #[tokio::test]
    async fn a_statement_that_is_dropped_is_stopped() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        hide(&db).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for round in 0..3 {
            let slow = async {
                let read = factory.transaction_with(reading(), async |tx: &mut Session| {
                    sqlx::raw_sql(READ).execute(&mut *tx).await?;
                    sqlx::raw_sql("select * from slow").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                });
                let running = crate::is_running(&factory, "slow");
                futures_util::future::select(Box::pin(read), Box::pin(running)).await;
            };
            slow.await;
            if round % 2 == 0 {
                assert!(run(&factory, &proxy, reading(), "select * from wrote", 1).await.is_err());
                run(&factory, &proxy, reading(), READ, 1).await.unwrap();
            }
            let insert = "insert into items (id) select 1 + coalesce(max(id), 0) from items";
            run(&factory, &proxy, TxOptions::new(), insert, 1).await.unwrap();
        }
        assert_eq!(items(&db).await, 3);
        crate::eventually("nothing runs on", async || db.admin_value::<i64>(LEFT).await == 0).await;
    }

    /// It is in the explicit form from the moment when its begin is sent.
    #[tokio::test]
    async fn a_begin_after_reads_that_nobody_waits_for_leaves_no_transaction_open() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        run(&factory, &proxy, reading(), READ, 1).await.unwrap();
        let held = proxy.before_answer(Pattern::query("SAVEPOINT demarcate_0"), Fault::Hold);
        let begun = proxy.before_answer(Pattern::query(BEGIN), Fault::Hold);
        let late = factory.transaction_with(reading().timeout(Duration::from_millis(500)), async |tx: &mut Session| {
            sqlx::raw_sql(READ).execute(&mut *tx).await?;
            tx.savepoint(async |_| Ok::<_, Error>(())).await
        });
        assert!(late.await.is_err());
        assert!(begun.is_reached() && !held.is_reached());
        begun.release();
        drop(held);
        run(&factory, &proxy, reading(), READ, 1).await.unwrap();
        let open: i64 = db.admin_value(OPEN).await;
        assert_eq!(open, 0, "{:#?}", proxy.requests());
    }

    /// Nothing has a transaction to begin that would show it.
    #[tokio::test]
    async fn a_connection_that_died_in_the_pool_is_replaced_unseen() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let factory = connect(&proxy).await;
        for _ in 0..3 {
            run(&factory, &proxy, reading(), READ, 2).await.unwrap();
            proxy.cut();
        }
        // Not where the body has read already.
        run(&factory, &proxy, reading(), READ, 1).await.unwrap();
        let lost = factory
            .transaction_with(reading(), async |tx: &mut Session| {
                sqlx::raw_sql(READ).execute(&mut *tx).await?;
                proxy.cut();
                sqlx::raw_sql(READ).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(lost, Err(Error::Database { .. })), "{lost:?}");
    }

    /// Each finds a connection that is as it needs it, once there are enough.
    #[tokio::test]
    async fn those_that_read_and_those_that_write_share_a_pool() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        hide(&db).await;
        let factory = SessionFactory::builder().url(db.url()).max_connections(4).connect().await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..16_i64 {
            let factory = factory.clone();
            tasks.spawn(async move {
                for turn in 0..20 {
                    if (task + turn) % 3 == 0 {
                        let insert = format!("insert into items (id) values ({})", task * 100 + turn);
                        factory
                            .transaction(async |tx| {
                                sqlx::raw_sql(AssertSqlSafe(insert.clone())).execute(&mut *tx).await?;
                                Ok::<_, Error>(())
                            })
                            .await
                            .unwrap();
                    } else {
                        let text = if turn % 5 == 0 { "select * from wrote" } else { READ };
                        let read = factory
                            .transaction_with(reading(), async |tx: &mut Session| {
                                sqlx::raw_sql(text).execute(&mut *tx).await?;
                                Ok::<_, Error>(())
                            })
                            .await;
                        assert_eq!(read.is_ok(), text == READ, "{read:?}");
                    }
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        let written = (0..16).flat_map(|task| (0..20).map(move |turn| task + turn)).filter(|n| n % 3 == 0).count();
        assert_eq!(items(&db).await, written as i64);
    }

    /// Somebody else sets something on each, or uses it as well.
    #[tokio::test]
    async fn a_connection_that_is_not_ours_alone_is_left_as_it_is() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let proxy = Proxy::to(&db).await;
        let prepared = SessionFactory::builder()
            .url(proxy.url())
            .max_connections(1)
            .after_connect(|_| Box::pin(async { Ok(()) }))
            .connect()
            .await
            .unwrap();
        let pool = sqlx::Pool::connect(proxy.url()).await.unwrap();
        let theirs = SessionFactory::from(pool);
        for factory in [prepared, theirs] {
            for _ in 0..3 {
                let options = reading();
                proxy.forget();
                factory
                    .transaction_with(options, async |tx: &mut Session| {
                        sqlx::raw_sql(READ).execute(&mut *tx).await?;
                        Ok::<_, Error>(())
                    })
                    .await
                    .unwrap();
                let begun = proxy.requests().iter().filter(|sent| sent.contains("READ ONLY")).count();
                assert_eq!(begun, 1, "{:#?}", proxy.requests());
            }
        }
    }
}

/// The connection may be read-only, or not.
#[tokio::test]
async fn a_migration_after_a_switch_that_nobody_waited_for_may_write() {
    use demarcate::postgres::{Session, SessionFactory};
    use sqlx::SqlSafeStr;
    use sqlx::migrate::{Migration, MigrationType, Migrator};

    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let proxy = Proxy::to(&db).await;
    let builder = SessionFactory::builder()
        .url(proxy.url())
        .max_connections(1);
    let factory = builder.connect().await.unwrap();
    let switch = Pattern::query("default_transaction_read_only = on");
    let held = proxy.before_answer(switch, Fault::Hold);
    let late = factory.transaction_with(
        reading().timeout(Duration::from_millis(500)),
        async |tx: &mut Session| {
            sqlx::raw_sql(READ).execute(&mut *tx).await?;
            Ok::<_, Error>(())
        },
    );
    assert!(late.await.is_err());
    assert!(held.is_reached());
    held.release();
    let text = "create table made (id int)".into_sql_str();
    let first = Migration::new(1, "made".into(), MigrationType::Simple, text, false);
    let migrations = Migrator::with_migrations(vec![first]);
    factory.migrate(&migrations).await.unwrap();
}

/// The time of a transaction is that of its begin.
#[tokio::test]
async fn what_belongs_to_a_transaction_of_postgres_is_the_same_in_all_of_it() {
    use demarcate::postgres::{Session, SessionFactory};

    let db = demarcate_tests::postgres().await;
    let factory = SessionFactory::connect(db.url()).await.unwrap();
    let options = TxOptions::new().read_only();
    for _ in 0..2 {
        factory
            .transaction_with(options.clone(), async |tx: &mut Session| {
                let mut times = Vec::new();
                for _ in 0..3 {
                    let now = "select now()::text";
                    times.push(
                        sqlx::query_scalar::<_, String>(now)
                            .fetch_one(&mut *tx)
                            .await?,
                    );
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                times.dedup();
                assert_eq!(times.len(), 1, "{times:?}");
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

/// The server's settings decide what a session reads, and stay what they are.
#[tokio::test]
async fn settings_of_a_session_of_postgres_that_say_otherwise_are_kept() {
    use demarcate::postgres::{Session, SessionFactory};

    for (key, value) in [
        ("default_transaction_isolation", "serializable"),
        ("default_transaction_read_only", "on"),
    ] {
        let db = demarcate_tests::postgres().await;
        let name: String = db.admin_value("select current_database()::text").await;
        db.admin(&format!("alter database \"{name}\" set {key} = '{value}'"))
            .await;
        let proxy = Proxy::to(&db).await;
        let builder = SessionFactory::builder()
            .url(proxy.url())
            .max_connections(1);
        let factory = builder.connect().await.unwrap();
        let options = TxOptions::new().read_only();
        // It is asked for once.
        for trips in [1 + 1 + 2, 1 + 2, 1 + 2] {
            proxy.forget();
            let found: String = factory
                .transaction_with(options.clone(), async |tx: &mut Session| {
                    let ask = AssertSqlSafe(format!("select current_setting('{key}')"));
                    let ask = sqlx::raw_sql(ask).fetch_one(&mut *tx).await?;
                    Ok::<_, Error>(sqlx::Row::try_get(&ask, 0)?)
                })
                .await
                .unwrap();
            assert_eq!(found, value);
            assert_eq!(proxy.round_trips(), trips, "{:#?}", proxy.requests());
        }
    }
}
