//! The proxy does what it says, and nothing else.

use std::time::{Duration, Instant};

use sqlx::{Connection, MySql, Postgres};

use super::{Fault, Pattern, Proxy, Way};
use crate::{Backend, TestDb};

type Client<DB> = <DB as sqlx::Database>::Connection;

/// A database, a proxy to it, and a client that is connected through it.
async fn connected<DB: super::Wire>() -> (TestDb<DB>, Proxy, Client<DB>) {
    let db = TestDb::<DB>::create().await;
    let proxy = Proxy::to(&db).await;
    let client = Client::<DB>::connect(proxy.url()).await.unwrap();
    proxy.forget();
    (db, proxy, client)
}

/// The client's statement has an answer, and it is an error or not.
async fn run<DB: Backend>(client: &mut Client<DB>, sql: &str) -> sqlx::Result<u64> {
    let limit = Duration::from_secs(30);
    let answer = tokio::time::timeout(limit, DB::execute(client, sql)).await;
    answer.unwrap_or_else(|_| panic!("`{sql}` has no answer after {limit:?}"))
}

/// Nothing comes back.
async fn hangs<DB: Backend>(client: &mut Client<DB>, sql: &str) -> bool {
    let limit = Duration::from_millis(100);
    tokio::time::timeout(limit, DB::execute(client, sql))
        .await
        .is_err()
}

#[tokio::test]
async fn the_messages_of_postgres_have_names() {
    let (_db, proxy, mut client) = connected::<Postgres>().await;
    run::<Postgres>(&mut client, "begin").await.unwrap();
    let one: i32 = sqlx::query_scalar("select $1 + 0")
        .bind(1)
        .fetch_one(&mut client)
        .await
        .unwrap();
    assert_eq!(one, 1);
    run::<Postgres>(&mut client, "select 1/0")
        .await
        .unwrap_err();
    // sqlx does not wait for what follows an error.
    proxy.seen(&Pattern::answer("ReadyForQuery(E)")).await;
    let messages: Vec<String> = proxy.messages().iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            r#"0 -> Query "begin""#,
            r#"0 <- CommandComplete "BEGIN""#,
            "0 <- ReadyForQuery(T)",
            r#"0 -> Parse "select $1 + 0""#,
            "0 -> Describe",
            "0 -> Sync",
            "0 <- ParseComplete",
            "0 <- ParameterDescription",
            "0 <- RowDescription",
            "0 <- ReadyForQuery(T)",
            "0 -> Bind",
            "0 -> Execute",
            "0 -> Close",
            "0 -> Sync",
            "0 <- BindComplete",
            "0 <- DataRow",
            r#"0 <- CommandComplete "SELECT 1""#,
            "0 <- CloseComplete",
            "0 <- ReadyForQuery(T)",
            r#"0 -> Query "select 1/0""#,
            "0 <- ErrorResponse 22012",
            "0 <- ReadyForQuery(E)",
        ]
    );
    assert_eq!(proxy.round_trips(), 4);
}

#[tokio::test]
async fn the_packets_of_mariadb_have_names() {
    let (_db, proxy, mut client) = connected::<MySql>().await;
    run::<MySql>(&mut client, "begin; select 1").await.unwrap();
    let one: i64 = sqlx::query_scalar("select ? + 0")
        .bind(1_i64)
        .fetch_one(&mut client)
        .await
        .unwrap();
    assert_eq!(one, 1);
    run::<MySql>(&mut client, "select * from nowhere")
        .await
        .unwrap_err();
    let messages: Vec<String> = proxy.messages().iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            r#"0 -> COM_QUERY "begin; select 1""#,
            "0 <- OK(T)",
            "0 <- ResultSet",
            "0 <- Column",
            "0 <- Row",
            "0 <- OK(T)",
            r#"0 -> COM_STMT_PREPARE "select ? + 0""#,
            "0 <- PREPARED",
            "0 <- Column",
            "0 <- Column",
            "0 -> COM_STMT_EXECUTE",
            "0 <- ResultSet",
            "0 <- Column",
            "0 <- Row",
            "0 <- OK(T)",
            r#"0 -> COM_QUERY "select * from nowhere""#,
            "0 <- ERR 1146",
        ]
    );
    assert_eq!(proxy.round_trips(), 4);
}

/// Both protocols meet the same faults.
mod faults {
    use super::*;

    macro_rules! on_both_wires {
        ($($test:ident)*) => {
            mod postgres {
                $(#[tokio::test] async fn $test() { super::$test::<sqlx::Postgres>().await })*
            }
            mod mariadb {
                $(#[tokio::test] async fn $test() { super::$test::<sqlx::MySql>().await })*
            }
        };
    }
    on_both_wires! {
        cut_before_it_is_forwarded
        cut_before_its_answer
        cut_at_a_byte
        half_open_in_each_direction
        a_client_that_leaves_a_half_open_connection_is_not_noticed
        held_until_it_is_released
        held_until_its_answer_is_released
        delayed
        refused_a_few_times
        each_fault_happens_once
    }

    const INSERT: &str = "insert into t values (1)";

    async fn with_table<DB: super::super::Wire>() -> (TestDb<DB>, Proxy, Client<DB>) {
        let (db, proxy, client) = connected::<DB>().await;
        db.admin("create table t (id int)").await;
        (db, proxy, client)
    }

    /// How many rows anybody else sees, found without a value of a type that the databases would have to share.
    async fn rows<DB: Backend>(db: &TestDb<DB>) -> u64 {
        db.admin("update t set id = id + 1").await
    }

    async fn cut_before_it_is_forwarded<DB: super::super::Wire>() {
        let (db, proxy, mut client) = with_table::<DB>().await;
        let point = proxy.before(Pattern::query("insert"), Fault::Cut);
        assert!(!point.is_reached());
        run::<DB>(&mut client, INSERT).await.unwrap_err();
        assert!(point.is_reached());
        assert_eq!(rows(&db).await, 0);
        assert_eq!(proxy.connections(), 0);
    }

    async fn cut_before_its_answer<DB: super::super::Wire>() {
        let (db, proxy, mut client) = with_table::<DB>().await;
        let point = proxy.before_answer(Pattern::query("insert"), Fault::Cut);
        run::<DB>(&mut client, INSERT).await.unwrap_err();
        point.reached().await;
        assert_eq!(rows(&db).await, 1);
    }

    async fn cut_at_a_byte<DB: super::super::Wire>() {
        let (db, proxy, mut client) = with_table::<DB>().await;
        proxy.before(Pattern::query("insert"), Fault::CutAfter(7));
        run::<DB>(&mut client, INSERT).await.unwrap_err();
        assert_eq!(rows(&db).await, 0);
        let mut client = Client::<DB>::connect(proxy.url()).await.unwrap();
        proxy.before_answer(Pattern::query("insert"), Fault::CutAfter(3));
        run::<DB>(&mut client, INSERT).await.unwrap_err();
        assert_eq!(rows(&db).await, 1);
    }

    async fn half_open_in_each_direction<DB: super::super::Wire>() {
        for (way, stored) in [(Way::ToServer, 0), (Way::ToClient, 1), (Way::Both, 0)] {
            let (db, proxy, mut client) = with_table::<DB>().await;
            proxy.half_open(way);
            assert!(hangs::<DB>(&mut client, INSERT).await, "{way:?}");
            // The server may take a while to read the message.
            let arriving = async {
                while rows(&db).await < stored {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            let arrived = tokio::time::timeout(Duration::from_secs(30), arriving).await;
            assert!(arrived.is_ok(), "{way:?}");
            assert_eq!(rows(&db).await, stored, "{way:?}");
            assert_eq!(proxy.connections(), 1);
        }
    }

    async fn a_client_that_leaves_a_half_open_connection_is_not_noticed<DB: super::super::Wire>() {
        let (db, proxy, mut client) = with_table::<DB>().await;
        run::<DB>(&mut client, "begin").await.unwrap();
        run::<DB>(&mut client, INSERT).await.unwrap();
        proxy.half_open(Way::Both);
        drop(client);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(proxy.connections(), 1);
        // The end of it, as when the kernel gives up on the other side.
        proxy.cut();
        let dropping = async {
            while proxy.connections() > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), dropping)
            .await
            .unwrap();
        assert_eq!(rows(&db).await, 0);
    }

    async fn held_until_it_is_released<DB: super::super::Wire>() {
        let (db, proxy, mut client) = with_table::<DB>().await;
        let point = proxy.before(Pattern::query("insert"), Fault::Hold);
        let statement = run::<DB>(&mut client, INSERT);
        let meanwhile = async {
            point.reached().await;
            assert_eq!(rows(&db).await, 0);
            point.release();
        };
        assert_eq!(tokio::join!(statement, meanwhile).0.unwrap(), 1);
        assert_eq!(rows(&db).await, 1);
    }

    async fn held_until_its_answer_is_released<DB: super::super::Wire>() {
        let (db, proxy, mut client) = with_table::<DB>().await;
        let point = proxy.before_answer(Pattern::query("insert"), Fault::Hold);
        let statement = run::<DB>(&mut client, INSERT);
        let meanwhile = async {
            point.reached().await;
            assert_eq!(rows(&db).await, 1);
            point.release();
        };
        assert_eq!(tokio::join!(statement, meanwhile).0.unwrap(), 1);
    }

    async fn delayed<DB: super::super::Wire>() {
        let (_db, proxy, mut client) = with_table::<DB>().await;
        let start = Instant::now();
        proxy.before(
            Pattern::query("insert"),
            Fault::Delay(Duration::from_millis(60)),
        );
        run::<DB>(&mut client, INSERT).await.unwrap();
        assert!(
            start.elapsed() >= Duration::from_millis(60),
            "{:?}",
            start.elapsed()
        );
        // Both directions.
        let start = Instant::now();
        proxy.delay(Duration::from_millis(20));
        run::<DB>(&mut client, INSERT).await.unwrap();
        assert!(
            start.elapsed() >= Duration::from_millis(40),
            "{:?}",
            start.elapsed()
        );
    }

    async fn refused_a_few_times<DB: super::super::Wire>() {
        let (_db, proxy, _client) = with_table::<DB>().await;
        proxy.refuse(2);
        assert!(Client::<DB>::connect(proxy.url()).await.is_err());
        assert!(Client::<DB>::connect(proxy.url()).await.is_err());
        assert!(Client::<DB>::connect(proxy.url()).await.is_ok());
    }

    async fn each_fault_happens_once<DB: super::super::Wire>() {
        let (db, proxy, mut client) = with_table::<DB>().await;
        proxy.before(Pattern::query("insert"), Fault::Cut);
        run::<DB>(&mut client, INSERT).await.unwrap_err();
        let mut client = Client::<DB>::connect(proxy.url()).await.unwrap();
        run::<DB>(&mut client, INSERT).await.unwrap();
        proxy.seen(&Pattern::query(INSERT)).await;
        assert_eq!(rows(&db).await, 1);
    }
}
