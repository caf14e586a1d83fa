//! Much of something, and ends that nobody announced.

use std::env;
use std::process::{Command, Output};
use std::time::Duration;

use demarcate::{Error, TxOptions};
use demarcate_tests::{Backend, TestDb, on_every_database};

use crate::{ITEMS, eventually, items};

/// Tells a test that it runs in a process of its own, and which database to use.
const CHILD: &str = "DEMARCATE_TESTS_CHILD";

/// Runs the test of that name once more, in a process of its own, on a database of ours.
fn in_a_process_of_its_own(module: &str, test: &str, url: &str) -> Output {
    let (_crate, module) = module.split_once("::").unwrap();
    let program = env::current_exe().unwrap();
    let mut child = Command::new(program);
    child
        .args([&format!("{module}::{test}"), "--exact", "--nocapture"])
        .env(CHILD, url);
    child.output().unwrap()
}

/// Nobody but us is connected, and the items are as they were before.
async fn is_left_alone<DB: Backend>(db: &TestDb<DB>)
where
    i64: for<'r> sqlx::Decode<'r, DB> + sqlx::Type<DB>,
    usize: sqlx::ColumnIndex<DB::Row>,
{
    eventually("no session is left on the server", async || {
        db.admin_value::<i64>(DB::OTHER_SESSIONS).await == 0
    })
    .await;
    assert_eq!(items(db).await, 0);
    // No lock is left either.
    db.admin("insert into items (id) values (1), (2), (3)")
        .await;
}

/// How much memory this process has in use, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

const MEGABYTE: usize = 1 << 20;

/// Much of something takes long where the machine does much else.
fn patient() -> TxOptions {
    TxOptions::new().timeout(Duration::from_secs(600))
}

on_every_database! {
    use futures_util::TryStreamExt;
    use futures_util::future::BoxFuture;
    use sqlx::QueryBuilder;

    async fn connect(url: &str) -> SessionFactory {
        SessionFactory::builder().url(url).max_connections(1).defaults(patient()).connect().await.unwrap()
    }

    async fn insert(tx: &mut Session, id: i64) -> Result<(), Error> {
        let mut insert = QueryBuilder::<Database>::new("insert into items (id) values (");
        insert.push_bind(id).push(")");
        insert.build().execute(&mut *tx).await?;
        Ok(())
    }

    #[tokio::test]
    async fn ten_thousand_statements_are_one_transaction() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = connect(db.url()).await;
        let many = async |end: Result<(), Error>| {
            factory
                .transaction(async |tx| {
                    for id in 0..10_000 {
                        insert(tx, id).await?;
                    }
                    end
                })
                .await
        };
        many(Err(sqlx::Error::RowNotFound.into())).await.unwrap_err();
        assert_eq!(items(&db).await, 0);
        many(Ok(())).await.unwrap();
        assert_eq!(items(&db).await, 10_000);
        let statements: u64 = factory.stats().iter().map(|(_, stats)| stats.statements).sum();
        assert_eq!(statements, 20_000);
    }

    /// Each text is prepared anew, and sqlx keeps 100 of them a connection. (On MySQL each beyond that takes 40 ms with
    /// sqlx 0.9.0, which does not set TCP_NODELAY: <https://github.com/transact-rs/sqlx/issues/4335>.)
    #[tokio::test]
    async fn more_texts_than_a_connection_keeps_are_one_transaction() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = connect(db.url()).await;
        factory
            .transaction(async |tx| {
                for id in 0..150 {
                    let insert = sqlx::AssertSqlSafe(format!("insert into items (id) values ({id})"));
                    sqlx::query(insert).execute(&mut *tx).await?;
                }
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        assert_eq!(items(&db).await, 150);
    }

    #[tokio::test]
    async fn a_long_row_stream_that_is_abandoned_is_read_to_its_end() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = connect(db.url()).await;
        let rows: Vec<String> = (0..50_000).map(|id| format!("({id}, 'a name that takes some room')")).collect();
        db.admin(&format!("insert into items (id, name) values {}", rows.join(","))).await;
        let result = factory
            .transaction(async |tx| {
                insert(tx, -1).await?;
                let mut rows = sqlx::query("select id, name from items").fetch(&mut *tx);
                for _ in 0..100 {
                    rows.try_next().await?;
                }
                drop(rows);
                insert(tx, -2).await?;
                Ok::<_, Error>(())
            })
            .await;
        result.unwrap();
        factory.transaction(async |tx| insert(tx, -3).await).await.unwrap();
        assert_eq!(items(&db).await, 50_003);
    }

    /// Measured in a process of its own, where no other test needs memory.
    #[tokio::test]
    async fn ten_thousand_savepoints_side_by_side_take_no_more_memory_than_a_few() {
        if let Ok(url) = env::var(CHILD) {
            let factory = connect(&url).await;
            factory
                .transaction(async |tx| {
                    let mut after_a_few = 0;
                    for id in 0..10_000 {
                        tx.savepoint(async |tx| insert(tx, id).await).await?;
                        if id == 1_000 {
                            after_a_few = resident();
                        }
                    }
                    let grown = resident().saturating_sub(after_a_few);
                    assert!(grown < 1024, "{grown} KiB more after 9000 more savepoints");
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
            return;
        }
        let db = test_db().await;
        db.admin(ITEMS).await;
        let test = "ten_thousand_savepoints_side_by_side_take_no_more_memory_than_a_few";
        let output = in_a_process_of_its_own(module_path!(), test, db.url());
        assert!(output.status.success(), "{output:?}");
        assert_eq!(items(&db).await, 10_000);
    }

    /// Each depth stores an item and gives the next one a scope.
    fn dive(tx: &mut Session, depth: i64, end: i64) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(async move {
            insert(tx, depth).await?;
            if depth == end {
                // The deepest fails, and only its own is undone.
                return Err(sqlx::Error::RowNotFound.into());
            }
            let deeper = tx.savepoint(async |tx: &mut Session| dive(tx, depth + 1, end).await).await;
            assert_eq!(deeper.is_err(), depth + 1 == end);
            Ok(())
        })
    }

    #[tokio::test]
    async fn savepoints_fifty_deep_fail_one_by_one() {
        let db = test_db().await;
        db.admin(ITEMS).await;
        let factory = connect(db.url()).await;
        factory.transaction(async |tx| dive(tx, 0, 50).await).await.unwrap();
        assert_eq!(items(&db).await, 50);
        assert_eq!(db.admin_value::<i64>("select count(*) from items where id = 50").await, 0);
    }

    #[tokio::test]
    async fn a_process_that_exits_with_an_open_boundary_leaves_nothing() {
        if let Ok(url) = env::var(CHILD) {
            let factory = connect(&url).await;
            let _: Result<(), Error> = factory
                .transaction(async |tx| {
                    insert(tx, 1).await?;
                    tx.savepoint(async |tx| {
                        insert(tx, 2).await?;
                        // No destructor runs.
                        std::process::exit(7)
                    })
                    .await
                })
                .await;
        }
        let db = test_db().await;
        db.admin(ITEMS).await;
        let test = "a_process_that_exits_with_an_open_boundary_leaves_nothing";
        let output = in_a_process_of_its_own(module_path!(), test, db.url());
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        is_left_alone(&db).await;
    }

    /// Boundaries that are idle, in a savepoint, in a row stream, and waiting for their connection.
    #[test]
    fn a_runtime_that_is_shut_down_with_boundaries_open_leaves_nothing() {
        let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let outer = runtime();
        let db = outer.block_on(async {
            let db = test_db().await;
            db.admin(ITEMS).await;
            db
        });
        for point in 0..4 {
            let inner = runtime();
            inner.block_on(async {
                let factory = connect(db.url()).await;
                let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
                let waiting = factory.clone();
                tokio::spawn(async move {
                    factory
                        .transaction(async move |tx| {
                            insert(tx, 1).await?;
                            if point == 1 {
                                return tx
                                    .savepoint(async |tx| {
                                        insert(tx, 2).await?;
                                        begun.send(()).await.ok();
                                        std::future::pending().await
                                    })
                                    .await;
                            }
                            let mut rows = sqlx::query("select id from items").fetch(&mut *tx);
                            if point != 2 {
                                while rows.try_next().await?.is_some() {}
                            }
                            begun.send(()).await.ok();
                            std::future::pending::<Result<(), Error>>().await
                        })
                        .await
                });
                has_begun.recv().await.unwrap();
                if point == 3 {
                    tokio::spawn(async move { waiting.transaction(async |tx| insert(tx, 3).await).await });
                    tokio::task::yield_now().await;
                }
            });
            inner.shutdown_timeout(Duration::from_secs(5));
            outer.block_on(async {
                is_left_alone(&db).await;
                db.admin("delete from items").await;
            });
        }
    }
}

/// What is stored is as long as what was given.
macro_rules! a_hundred_megabytes_are_stored {
    ($test:ident, $module:ident, $database:ident, $type:literal) => {
        #[tokio::test]
        async fn $test() {
            let db = demarcate_tests::$database().await;
            db.admin(concat!(
                "create table items (id bigint primary key, data ",
                $type,
                ")"
            ))
            .await;
            let builder = demarcate::$module::SessionFactory::builder().url(db.url());
            let factory = builder.defaults(patient()).connect().await.unwrap();
            let data = vec![7_u8; 100 * MEGABYTE];
            let stored: i64 = factory
                .transaction(async |tx| {
                    let insert =
                        sqlx::query("insert into items (id, data) values (1, $1)").bind(data);
                    insert.execute(&mut *tx).await?;
                    let length = "select cast(length(data) as bigint) from items";
                    Ok::<_, Error>(sqlx::query_scalar(length).fetch_one(&mut *tx).await?)
                })
                .await
                .unwrap();
            assert_eq!(stored, 100 * MEGABYTE as i64);
            assert_eq!(items(&db).await, 1);
        }
    };
}

a_hundred_megabytes_are_stored!(
    on_postgres_a_hundred_megabytes_are_stored,
    postgres,
    postgres,
    "bytea"
);
a_hundred_megabytes_are_stored!(
    on_sqlite_a_hundred_megabytes_are_stored,
    sqlite,
    sqlite,
    "blob"
);

/// The server takes 16 MiB, its `max_allowed_packet`, unless it is told otherwise. It says so (1153) and closes the
/// connection, which may be all that a client learns that is still sending.
#[tokio::test]
async fn on_mariadb_what_is_larger_than_a_packet_may_be_is_an_error_and_rolled_back() {
    let db = demarcate_tests::mariadb().await;
    db.admin("create table items (id bigint primary key, data longblob)")
        .await;
    let factory = demarcate::mysql::SessionFactory::builder()
        .url(db.url())
        .max_connections(1)
        .defaults(patient())
        .connect()
        .await
        .unwrap();
    let store = async |id: i64, size: usize| {
        factory
            .transaction(async |tx| {
                sqlx::query("insert into items (id) values (?)")
                    .bind(id)
                    .execute(&mut *tx)
                    .await?;
                let data = vec![7_u8; size];
                let update = sqlx::query("update items set data = ? where id = ?");
                update.bind(data).bind(id).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
    };
    for size in [17 * MEGABYTE, 100 * MEGABYTE] {
        let error = store(1, size).await.unwrap_err();
        assert!(matches!(error, Error::Database { .. }), "{error:?}");
    }
    store(2, 15 * MEGABYTE).await.unwrap();
    assert_eq!(items(&db).await, 1);
}
