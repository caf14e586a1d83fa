//! What the matrix has to know of each database.

use demarcate_tests::TestDb;
use demarcate_tests::proxy::Proxy;
use sqlx::{AssertSqlSafe, MySql, Postgres, Row, Sqlite};

/// A database of the matrix.
pub(crate) trait Target: demarcate::Backend + demarcate_tests::Backend {
    /// Whether two sessions can write at a time.
    const LOCKS_ROWS: bool = true;
    /// What stands in the message that begins a transaction.
    const BEGIN: &'static str;
    /// A statement that takes seconds.
    const SLOW: &'static str;
    /// More rows than fit into any buffer on the way.
    const ROWS: &'static str;
    /// Fails at once while somebody else holds the lock that the boundary takes first.
    const PROBE: &'static str;
    /// The number of the session.
    const SESSION: &'static str;
    /// How many work on [`SLOW`](Self::SLOW), where others can see that.
    const RUNNING: Option<&'static str>;
    /// How many wait for a lock.
    const WAITING: &'static str;

    /// Where it has a wire.
    fn proxy(db: &TestDb<Self>) -> impl Future<Output = Option<Proxy>> + Send;

    /// Asks for the numbers of the sessions that are none of `own`.
    fn sessions(own: [i64; 2]) -> String;

    /// Ends the session of that number.
    fn kill(session: i64) -> String;

    /// Whether a session, beside the one that asks, is in a transaction.
    fn is_in_transaction(connection: &mut Self::Connection) -> impl Future<Output = bool> + Send;

    /// Runs a query that gives one number.
    fn number(connection: &mut Self::Connection, sql: &str) -> impl Future<Output = i64> + Send;

    /// Runs a query that gives a number a row.
    fn numbers(
        connection: &mut Self::Connection,
        sql: &str,
    ) -> impl Future<Output = Vec<i64>> + Send;
}

macro_rules! number {
    () => {
        async fn number(connection: &mut Self::Connection, sql: &str) -> i64 {
            let row = <Self as demarcate_tests::Backend>::fetch_one(connection, sql).await;
            let number = row.and_then(|row| row.try_get(0));
            number.unwrap_or_else(|error| panic!("{sql}: {error}"))
        }

        async fn numbers(connection: &mut Self::Connection, sql: &str) -> Vec<i64> {
            let numbers = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
            let numbers = numbers.fetch_all(connection).await;
            numbers.unwrap_or_else(|error| panic!("{sql}: {error}"))
        }
    };
}

impl Target for Postgres {
    const BEGIN: &'static str = "BEGIN";
    const SLOW: &'static str = "select pg_sleep(4)";
    const ROWS: &'static str = "select repeat('x', 1000) from generate_series(1, 20000)";
    const PROBE: &'static str = "select n from locks where id = 1 for update nowait";
    const SESSION: &'static str = "select pg_backend_pid()::bigint";
    const RUNNING: Option<&'static str> = Some(
        "select count(*) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid() and wait_event = 'PgSleep'",
    );
    const WAITING: &'static str = "select count(*) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid() and wait_event_type = 'Lock'";

    async fn proxy(db: &TestDb<Self>) -> Option<Proxy> {
        Some(Proxy::to(db).await)
    }

    fn sessions([one, other]: [i64; 2]) -> String {
        format!(
            "select pid::bigint from pg_stat_activity \
             where datname = current_database() and pid not in ({one}, {other})"
        )
    }

    fn kill(session: i64) -> String {
        format!("select pg_terminate_backend({session})")
    }

    async fn is_in_transaction(connection: &mut Self::Connection) -> bool {
        let sessions = "select count(*) from pg_stat_activity \
            where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null";
        Self::number(connection, sessions).await > 0
    }

    number!();
}

impl Target for MySql {
    const BEGIN: &'static str = "START TRANSACTION";
    // Not `sleep(2)`: a KILL that meets a thread of MariaDB 10.11 on its way into that waits until it is over.
    const SLOW: &'static str = "select benchmark(30000000, md5('x'))";
    const ROWS: &'static str = "select repeat('x', 1000) from seq_1_to_20000";
    const PROBE: &'static str = "select n from locks where id = 1 for update nowait";
    const SESSION: &'static str = "select cast(connection_id() as signed)";
    const RUNNING: Option<&'static str> = Some(
        "select count(*) from information_schema.processlist \
        where db = database() and id <> connection_id() and info like 'select benchmark%' and time_ms > 1",
    );
    // What InnoDB knows of waiting, `innodb_trx`, it shows from a cache that is as old as who looks at it is busy.
    const WAITING: &'static str = "select count(*) from information_schema.processlist \
        where db = database() and command = 'Query' and info like 'update locks%where id = 2'";

    async fn proxy(db: &TestDb<Self>) -> Option<Proxy> {
        Some(Proxy::to(db).await)
    }

    fn sessions([one, other]: [i64; 2]) -> String {
        format!(
            "select cast(id as signed) from information_schema.processlist \
             where db = database() and command <> 'Killed' and id not in ({one}, {other})"
        )
    }

    fn kill(session: i64) -> String {
        format!("kill {session}")
    }

    async fn is_in_transaction(connection: &mut Self::Connection) -> bool {
        // A transaction keeps the tables that it has used as they are until it ends.
        let alone = "lock tables items write, locks write nowait; unlock tables";
        <Self as demarcate_tests::Backend>::execute(connection, alone)
            .await
            .is_err()
    }

    number!();
}

/// A file has neither a wire nor sessions.
impl Target for Sqlite {
    const LOCKS_ROWS: bool = false;
    const BEGIN: &'static str = "BEGIN";
    const SLOW: &'static str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000000) \
        select count(*) from n";
    const ROWS: &'static str = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) \
        select printf('%1000d', i) from n";
    const PROBE: &'static str = "pragma busy_timeout = 0; begin immediate; rollback";
    const SESSION: &'static str = "select 0";
    const RUNNING: Option<&'static str> = None;
    const WAITING: &'static str = "select 1";

    async fn proxy(_: &TestDb<Self>) -> Option<Proxy> {
        None
    }

    fn sessions(_: [i64; 2]) -> String {
        "select 0 where false".to_owned()
    }

    fn kill(_: i64) -> String {
        String::new()
    }

    async fn is_in_transaction(_: &mut Self::Connection) -> bool {
        // It would hold the lock of the whole file, which is looked for by itself.
        false
    }

    number!();
}
