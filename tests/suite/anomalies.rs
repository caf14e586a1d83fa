//! What the isolation levels prevent and what they do not, as each engine documents it, seen through boundaries.
//!
//! Two boundaries take turns, statement by statement. Nobody waits for a lock: where one would have to, its statement
//! fails at once, so that each script has one course.

use std::time::Duration;

use demarcate::{Error, Isolation, SessionFactory, TxOptions};
use demarcate_tests::{TestDb, on_every_database};
use sqlx::{MySql, Postgres, Sqlite};

use Isolation::{ReadCommitted, RepeatableRead, Serializable};
use Seen::{Blocked, Happened, Prevented, Refused};

/// What came of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// The anomaly.
    Happened,
    /// Both went through without it.
    Prevented,
    /// One was told to do it all again: a serialization failure.
    Refused,
    /// One has to wait for the other.
    Blocked,
}

impl Seen {
    fn of(error: &sqlx::Error) -> Self {
        let Some(error) = error.as_database_error() else {
            panic!("{error}");
        };
        match error.code().as_deref() {
            Some("40001") => Refused,
            _ if error.message().contains("Lock wait timeout")
                || error.message().contains("is locked") =>
            {
                Blocked
            }
            _ => panic!("{error}"),
        }
    }
}

/// A factory whose boundaries do not wait for locks.
trait Impatient: demarcate::Backend + demarcate_tests::Backend {
    async fn impatient(db: &TestDb<Self>) -> SessionFactory<Self>;
}

impl Impatient for Postgres {
    async fn impatient(db: &TestDb<Self>) -> SessionFactory<Self> {
        let limit = TxOptions::new().lock_timeout(std::time::Duration::from_secs(1));
        let builder = SessionFactory::builder().url(db.url()).defaults(limit);
        builder.connect().await.unwrap()
    }
}

impl Impatient for MySql {
    async fn impatient(db: &TestDb<Self>) -> SessionFactory<Self> {
        let pool = sqlx::mysql::MySqlPoolOptions::new().after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::raw_sql("set innodb_lock_wait_timeout = 0")
                    .execute(connection)
                    .await?;
                Ok(())
            })
        });
        SessionFactory::from(pool.connect(db.url()).await.unwrap())
    }
}

impl Impatient for Sqlite {
    async fn impatient(db: &TestDb<Self>) -> SessionFactory<Self> {
        SessionFactory::<Self>::builder()
            .url(db.url())
            .configure(|options| {
                // With a write-ahead log readers and the writer go side by side.
                let options = options.journal_mode(sqlx::sqlite::SqliteJournalMode::Wal);
                options.busy_timeout(Duration::ZERO)
            })
            .connect()
            .await
            .unwrap()
    }
}

on_every_database! {
    use sqlx::Row;
    use tokio::sync::{Mutex, mpsc, oneshot};
    use tokio::task::JoinHandle;

    type Answer = Result<Option<i64>, Seen>;

    enum Order {
        Run(String, oneshot::Sender<Answer>),
        Commit,
    }

    /// A boundary that does what it is told. Told no more, it rolls back.
    struct Actor {
        orders: mpsc::Sender<Order>,
        boundary: JoinHandle<Result<(), Error>>,
    }

    impl Actor {
        fn new(db: &SessionFactory, options: TxOptions) -> Self {
            let (orders, received) = mpsc::channel(1);
            let (db, received) = (db.clone(), Mutex::new(received));
            let boundary = tokio::spawn(async move {
                db.transaction_with(options, async |tx: &mut Session| {
                    loop {
                        let (sql, answer) = match received.lock().await.recv().await {
                            Some(Order::Run(sql, answer)) => (sql, answer),
                            Some(Order::Commit) => return Ok(()),
                            None => return Err(sqlx::Error::RowNotFound.into()),
                        };
                        let row = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_optional(&mut *tx).await;
                        match row {
                            Ok(row) => answer.send(Ok(row.map(|row| row.get(0)))).ok(),
                            Err(error) => {
                                answer.send(Err(Seen::of(&error))).ok();
                                return Err(Error::from(error));
                            }
                        };
                    }
                })
                .await
            });
            Self { orders, boundary }
        }

        fn writer(db: &SessionFactory, isolation: Isolation) -> Self {
            Self::new(db, TxOptions::new().isolation(isolation))
        }

        fn reader(db: &SessionFactory, isolation: Isolation) -> Self {
            Self::new(db, TxOptions::new().isolation(isolation).read_only())
        }

        async fn run(&self, sql: impl Into<String>) -> Answer {
            let (answer, answered) = oneshot::channel();
            self.orders.send(Order::Run(sql.into(), answer)).await.unwrap();
            answered.await.unwrap()
        }

        async fn number(&self, sql: &str) -> Result<i64, Seen> {
            Ok(self.run(sql).await?.expect("the query gives a row"))
        }

        /// The body returns `Ok`.
        async fn commit(self) -> Result<(), Seen> {
            self.orders.send(Order::Commit).await.unwrap();
            match self.boundary.await.unwrap() {
                Ok(()) => Ok(()),
                Err(Error::Database { source, .. }) => Err(Seen::of(&source)),
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// A table of two accounts with 100 each, and boundaries on it.
    async fn accounts(db: &TestDb<Database>) -> SessionFactory {
        db.admin("drop table if exists accounts; create table accounts (id bigint primary key, n bigint); \
                  insert into accounts values (1, 100), (2, 100)").await;
        Database::impatient(db).await
    }

    const ONE: &str = "select n from accounts where id = 1";
    const OTHER: &str = "select n from accounts where id = 2";
    /// Without `sum`, whose type is each database's own.
    const TOGETHER: &str = "select one.n + other.n from accounts one, accounts other where one.id = 1 and other.id = 2";

    /// Somebody reads what was never committed.
    pub(super) async fn dirty_read(db: &TestDb<Database>, isolation: Isolation) -> Result<Seen, Seen> {
        let factory = accounts(db).await;
        let (writer, reader) = (Actor::writer(&factory, isolation), Actor::reader(&factory, isolation));
        writer.run("update accounts set n = 1 where id = 1").await?;
        let seen = reader.number(ONE).await?;
        Ok(if seen == 1 { Happened } else { Prevented })
    }

    /// A row that is read twice changes in between.
    pub(super) async fn non_repeatable_read(db: &TestDb<Database>, isolation: Isolation) -> Result<Seen, Seen> {
        let factory = accounts(db).await;
        let (writer, reader) = (Actor::writer(&factory, isolation), Actor::reader(&factory, isolation));
        let first = reader.number(ONE).await?;
        writer.run("update accounts set n = 1 where id = 1").await?;
        writer.commit().await?;
        let second = reader.number(ONE).await?;
        reader.commit().await?;
        Ok(if first == second { Prevented } else { Happened })
    }

    /// Rows that fit a condition come in between.
    pub(super) async fn phantom(db: &TestDb<Database>, isolation: Isolation) -> Result<Seen, Seen> {
        const RICH: &str = "select count(*) from accounts where n >= 100";
        let factory = accounts(db).await;
        let (writer, reader) = (Actor::writer(&factory, isolation), Actor::reader(&factory, isolation));
        let first = reader.number(RICH).await?;
        writer.run("insert into accounts values (3, 100)").await?;
        writer.commit().await?;
        let second = reader.number(RICH).await?;
        reader.commit().await?;
        Ok(if first == second { Prevented } else { Happened })
    }

    /// Two rows that belong together are read from two states of the database.
    pub(super) async fn read_skew(db: &TestDb<Database>, isolation: Isolation) -> Result<Seen, Seen> {
        let factory = accounts(db).await;
        let (writer, reader) = (Actor::writer(&factory, isolation), Actor::reader(&factory, isolation));
        let first = reader.number(ONE).await?;
        writer.run("update accounts set n = n - 50 where id = 1").await?;
        writer.run("update accounts set n = n + 50 where id = 2").await?;
        writer.commit().await?;
        let second = reader.number(OTHER).await?;
        reader.commit().await?;
        Ok(if first + second == 200 { Prevented } else { Happened })
    }

    /// Both add to what they have read, and one of the two is forgotten.
    pub(super) async fn lost_update(db: &TestDb<Database>, isolation: Isolation) -> Result<Seen, Seen> {
        let factory = accounts(db).await;
        let (one, other) = (Actor::writer(&factory, isolation), Actor::writer(&factory, isolation));
        let (by_one, by_other) = (one.number(ONE).await?, other.number(ONE).await?);
        one.run(format!("update accounts set n = {} where id = 1", by_one + 1)).await?;
        one.commit().await?;
        other.run(format!("update accounts set n = {} where id = 1", by_other + 10)).await?;
        other.commit().await?;
        let left: i64 = db.admin_value(ONE).await;
        Ok(if left == 111 { Prevented } else { Happened })
    }

    /// Each sees that together there is enough for what it takes, from accounts that differ.
    pub(super) async fn write_skew(db: &TestDb<Database>, isolation: Isolation) -> Result<Seen, Seen> {
        let factory = accounts(db).await;
        let (one, other) = (Actor::writer(&factory, isolation), Actor::writer(&factory, isolation));
        assert_eq!(one.number(TOGETHER).await?, 200);
        assert_eq!(other.number(TOGETHER).await?, 200);
        one.run("update accounts set n = n - 150 where id = 1").await?;
        one.commit().await?;
        other.run("update accounts set n = n - 150 where id = 2").await?;
        other.commit().await?;
        let left: i64 = db.admin_value(TOGETHER).await;
        Ok(if left >= 0 { Prevented } else { Happened })
    }

    /// What is seen of dirty read, non-repeatable read, phantom, read skew, lost update and write skew.
    pub(super) async fn seen(isolation: Isolation) -> [Seen; 6] {
        let db = test_db().await;
        let flat = |seen: Result<Seen, Seen>| seen.unwrap_or_else(|seen| seen);
        [
            flat(dirty_read(&db, isolation).await),
            flat(non_repeatable_read(&db, isolation).await),
            flat(phantom(&db, isolation).await),
            flat(read_skew(&db, isolation).await),
            flat(lost_update(&db, isolation).await),
            flat(write_skew(&db, isolation).await),
        ]
    }
}

/// Only committed data, and each statement sees its own moment:
/// <https://www.postgresql.org/docs/15/transaction-iso.html#XACT-READ-COMMITTED>.
#[tokio::test]
async fn on_postgres_read_committed_prevents_dirty_reads_alone() {
    assert_eq!(
        postgres::seen(ReadCommitted).await,
        [Prevented, Happened, Happened, Happened, Happened, Happened]
    );
}

/// One snapshot, phantoms included, and what changed since cannot be changed; write skew is the "serialization anomaly" of
/// table 13.1: <https://www.postgresql.org/docs/15/transaction-iso.html#XACT-REPEATABLE-READ>.
#[tokio::test]
async fn on_postgres_repeatable_read_lets_write_skew_through() {
    assert_eq!(
        postgres::seen(RepeatableRead).await,
        [
            Prevented, Prevented, Prevented, Prevented, Refused, Happened
        ]
    );
}

/// <https://www.postgresql.org/docs/15/transaction-iso.html#XACT-SERIALIZABLE>.
#[tokio::test]
async fn on_postgres_serializable_refuses_what_no_order_explains() {
    assert_eq!(
        postgres::seen(Serializable).await,
        [Prevented, Prevented, Prevented, Prevented, Refused, Refused]
    );
}

/// "Each consistent read, even within the same transaction, sets and reads its own fresh snapshot":
/// <https://mariadb.com/kb/en/set-transaction/#read-committed>.
#[tokio::test]
async fn on_mariadb_read_committed_prevents_dirty_reads_alone() {
    assert_eq!(
        mariadb::seen(ReadCommitted).await,
        [Prevented, Happened, Happened, Happened, Happened, Happened]
    );
}

/// "All consistent reads within the same transaction read the snapshot established by the first read"
/// (<https://mariadb.com/kb/en/set-transaction/#repeatable-read>), and a write changes what is there now, since
/// `innodb_snapshot_isolation` is off in 10.11 (<https://jira.mariadb.org/browse/MDEV-35124>).
#[tokio::test]
async fn on_mariadb_repeatable_read_lets_lost_updates_and_write_skew_through() {
    assert_eq!(
        mariadb::seen(RepeatableRead).await,
        [
            Prevented, Prevented, Prevented, Prevented, Happened, Happened
        ]
    );
}

/// "InnoDB implicitly converts all plain SELECT statements to SELECT ... LOCK IN SHARE MODE":
/// <https://mariadb.com/kb/en/set-transaction/#serializable>. Whoever wants to write what was read waits, and so does
/// whoever wants to read what was written.
#[tokio::test]
async fn on_mariadb_serializable_readers_lock_what_they_read() {
    assert_eq!(
        mariadb::seen(Serializable).await,
        [Blocked, Blocked, Blocked, Blocked, Blocked, Blocked]
    );
}

/// A reader has one snapshot, and there is one writer at a time, which a boundary is from its first statement on:
/// <https://www.sqlite.org/isolation.html>.
#[tokio::test]
async fn on_sqlite_readers_have_a_snapshot_and_writers_take_turns() {
    assert_eq!(
        sqlite::seen(Serializable).await,
        [Prevented, Prevented, Prevented, Prevented, Blocked, Blocked]
    );
}

/// Where nobody gives up waiting, both want what the other has read. One is the victim, and nothing is lost:
/// <https://mariadb.com/kb/en/transactions-serializable/>.
#[tokio::test]
async fn on_mariadb_serializable_one_of_two_that_conflict_is_the_victim_of_a_deadlock() {
    use std::sync::Arc;
    use tokio::sync::Barrier;

    let db = demarcate_tests::mariadb().await;
    db.admin("create table accounts (id bigint primary key, n bigint); insert into accounts values (1, 100)")
        .await;
    let factory = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let both_have_read = Arc::new(Barrier::new(2));
    let add = || {
        let (factory, both_have_read) = (factory.clone(), Arc::clone(&both_have_read));
        tokio::spawn(async move {
            let options = TxOptions::new().isolation(Serializable);
            let add = async |tx: &mut demarcate::mysql::Session| {
                let read: i64 = sqlx::query_scalar("select n from accounts where id = 1")
                    .fetch_one(&mut *tx)
                    .await?;
                both_have_read.wait().await;
                let update = sqlx::query("update accounts set n = ? where id = 1").bind(read + 1);
                update.execute(&mut *tx).await?;
                Ok::<_, Error>(())
            };
            factory.transaction_with(options, add).await
        })
    };
    let (one, other) = (add(), add());
    let results = [one.await.unwrap(), other.await.unwrap()];
    let victims: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().err())
        .collect();
    let [Error::Database { source, .. }] = victims[..] else {
        panic!("{results:?}");
    };
    assert_eq!(Seen::of(source), Refused);
    assert_eq!(db.admin_value::<i64>("select n from accounts").await, 101);
}
