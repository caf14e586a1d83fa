//! Boundaries that read from a standby of PostgreSQL, which follows its primary.

use std::sync::atomic::{AtomicU32, Ordering};

use std::time::Duration;

use demarcate::classify::{Category, Recovery, Transaction, classify};
use demarcate::postgres::{Session, SessionFactory};
use demarcate::settings::TargetSessionAttrs;
use demarcate::{Error, HttpStatus, Isolation, ReadPreference, Retry, TxOptions};
use demarcate_tests::OwnPostgres;
use demarcate_tests::proxy::Proxy;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres};
use tokio::sync::Notify;

use crate::eventually;

struct Pair {
    primary: OwnPostgres,
    standby: OwnPostgres,
}

impl Pair {
    async fn start() -> Self {
        let primary = OwnPostgres::start().await;
        run(&primary, "create table notes (id int, note text)").await;
        run(&primary, "insert into notes values (1, 'first')").await;
        let standby = primary.standby().await;
        Self { primary, standby }
    }

    async fn connect(&self) -> SessionFactory {
        let builder = SessionFactory::builder().url(self.primary.url());
        let builder = builder.replica(self.standby.url()).max_connections(2);
        builder.connect().await.unwrap()
    }

    /// Waits until the standby shows what the primary has.
    async fn is_followed(&self) {
        let now = value(&self.primary, "select pg_current_wal_lsn()::text").await;
        let reached = format!("select (pg_last_wal_replay_lsn() >= '{now}')::text");
        eventually("the standby has followed", async || {
            value(&self.standby, &reached).await == "true"
        })
        .await;
    }
}

/// On a connection of its own, as the superuser.
async fn run(server: &OwnPostgres, sql: &str) {
    let mut connection = PgConnection::connect(server.url()).await.unwrap();
    let ran = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection);
    ran.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.unwrap();
}

/// Whatever is asked for, as a text.
async fn value(server: &OwnPostgres, sql: &str) -> String {
    let mut connection = PgConnection::connect(server.url()).await.unwrap();
    let asked = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection);
    let value = asked.await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.close().await.unwrap();
    value
}

/// Whether it was the standby that was read, and the last note.
async fn read(db: &SessionFactory, replica: ReadPreference) -> Result<(bool, String), Error> {
    let options = TxOptions::new().read_only().replica(replica);
    db.transaction_with(options, async |tx: &mut Session| {
        let ask = "select pg_is_in_recovery(), (select note from notes order by id desc limit 1)";
        Ok(sqlx::query_as(ask).fetch_one(&mut *tx).await?)
    })
    .await
}

/// The same in a task that has written nothing.
async fn read_elsewhere(
    db: &SessionFactory,
    replica: ReadPreference,
) -> Result<(bool, String), Error> {
    let db = db.clone();
    let reads = tokio::spawn(async move { read(&db, replica).await });
    reads.await.unwrap()
}

async fn write(db: &SessionFactory, id: i32, note: &str) {
    let written = db.transaction(async |tx| {
        let insert = sqlx::query("insert into notes values ($1, $2)");
        insert.bind(id).bind(note).execute(&mut *tx).await?;
        Ok::<_, Error>(())
    });
    written.await.unwrap();
}

fn of_the_standby(note: &str) -> (bool, String) {
    (true, note.to_owned())
}

fn of_the_primary(note: &str) -> (bool, String) {
    (false, note.to_owned())
}

#[tokio::test]
async fn what_is_replicated_is_read_there_and_what_is_not_yet_is_not_missed() {
    let pair = Pair::start().await;
    let db = pair.connect().await;
    assert_eq!(
        read(&db, ReadPreference::Never).await.unwrap(),
        of_the_primary("first")
    );
    // Who prefers it does not try for a while, or until somebody else has found it.
    for replica in [ReadPreference::Require, ReadPreference::Prefer] {
        assert_eq!(read(&db, replica).await.unwrap(), of_the_standby("first"));
    }

    run(&pair.standby, "select pg_wal_replay_pause()").await;
    write(&db, 2, "second").await;
    assert_eq!(
        read(&db, ReadPreference::Prefer).await.unwrap(),
        of_the_primary("second")
    );
    // Who asks for it, or has not written, reads what the standby has.
    assert_eq!(
        read(&db, ReadPreference::Require).await.unwrap(),
        of_the_standby("first")
    );
    let elsewhere = read_elsewhere(&db, ReadPreference::Prefer).await;
    assert_eq!(elsewhere.unwrap(), of_the_standby("first"));

    run(&pair.standby, "select pg_wal_replay_resume()").await;
    pair.is_followed().await;
    assert_eq!(
        read(&db, ReadPreference::Require).await.unwrap(),
        of_the_standby("second")
    );
    db.close(crate::GRACE).await;
}

#[tokio::test]
async fn nothing_is_written_to_a_standby() {
    let pair = Pair::start().await;
    let insert = "insert into notes values (3, 'nowhere')";
    let refused = async |db: &SessionFactory, options: TxOptions| -> Error {
        let refused = db.transaction_with(options, async |tx: &mut Session| {
            sqlx::query(insert).execute(&mut *tx).await?;
            Ok::<_, Error>(())
        });
        refused.await.unwrap_err()
    };
    // As a replica, and where it was taken for the primary.
    let db = pair.connect().await;
    let misled = SessionFactory::connect(pair.standby.url()).await.unwrap();
    for (db, is_read_only, options) in [
        (
            &db,
            true,
            TxOptions::new()
                .read_only()
                .replica(ReadPreference::Require),
        ),
        (&misled, false, TxOptions::new()),
    ] {
        let refused = refused(db, options).await;
        let said = refused.to_string();
        assert!(
            said.contains("cannot execute INSERT in a read-only transaction"),
            "{said}"
        );
        let meaning = refused.classification();
        // Another server may take it; what the boundary itself has asked for stays.
        assert_eq!(
            (meaning.category, meaning.retryable),
            (Category::Transaction(Transaction::State), !is_read_only)
        );
        db.close(crate::GRACE).await;
    }
    let notes = value(&pair.primary, "select count(*)::text from notes").await;
    assert_eq!(notes, "1");
}

#[tokio::test]
async fn a_standby_that_stops_is_done_without_until_it_is_back() {
    let mut pair = Pair::start().await;
    let db = pair.connect().await;
    assert_eq!(
        read(&db, ReadPreference::Prefer).await.unwrap(),
        of_the_standby("first")
    );
    pair.standby.stop().await;
    for _ in 0..3 {
        assert_eq!(
            read(&db, ReadPreference::Prefer).await.unwrap(),
            of_the_primary("first")
        );
    }
    let refused = read(&db, ReadPreference::Require).await.unwrap_err();
    assert!(matches!(refused, Error::Connect { .. }), "{refused:?}");
    assert!(
        refused.to_string().contains("nobody listens there"),
        "{refused}"
    );
    pair.standby.start_again().await;
    // Who prefers it does not try for a while, or until somebody else has found it.
    for replica in [ReadPreference::Require, ReadPreference::Prefer] {
        assert_eq!(read(&db, replica).await.unwrap(), of_the_standby("first"));
    }
    db.close(crate::GRACE).await;
}

/// What the primary has removed, and the standby has to, is still read there.
#[tokio::test]
async fn what_stands_in_the_way_of_recovery_is_run_again() {
    let pair = Pair::start().await;
    // Those that read are not waited for.
    run(
        &pair.standby,
        "alter system set max_standby_streaming_delay = 0",
    )
    .await;
    run(&pair.standby, "select pg_reload_conf()").await;
    let db = pair.connect().await;
    let runs = AtomicU32::new(0);
    let has_read = Notify::new();
    let there = || {
        let options = TxOptions::new()
            .read_only()
            .replica(ReadPreference::Require);
        options.isolation(Isolation::RepeatableRead)
    };
    let reading = async |options: TxOptions| {
        db.transaction_with(options, async |tx: &mut Session| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            let count: i64 = sqlx::query_scalar("select count(*) from notes")
                .fetch_one(&mut *tx)
                .await?;
            if run.is_multiple_of(2) {
                has_read.notify_one();
                sqlx::query("select pg_sleep(20)").execute(&mut *tx).await?;
            }
            Ok::<_, Error>(count)
        })
        .await
    };
    let in_the_way = async || {
        has_read.notified().await;
        run(&pair.primary, "update notes set note = 'newer'").await;
        run(&pair.primary, "vacuum notes").await;
    };
    let (read, ()) = tokio::join!(reading(there().retry(1)), in_the_way());
    assert_eq!(read.unwrap(), 1);
    assert_eq!(runs.load(Ordering::Relaxed), 2);

    let (refused, ()) = tokio::join!(reading(there()), in_the_way());
    let refused = refused.unwrap_err();
    assert!(
        refused.to_string().contains("conflict with recovery"),
        "{refused}"
    );
    let Error::Database { source, .. } = &refused else {
        panic!("{refused:?}");
    };
    assert!(classify(source).retryable, "{refused:?}");
    db.close(crate::GRACE).await;
}

/// A program whose address led to the primary, and leads to what is a standby now until it connects anew.
#[tokio::test]
async fn after_a_failover_at_most_one_write_fails_and_none_with_retry() {
    let pair = Pair::start().await;
    for (first, retry) in [(true, false), (false, false), (false, true)] {
        let proxy = Proxy::to_url::<Postgres>(pair.standby.url()).await;
        let db = SessionFactory::builder()
            .url(proxy.url())
            .max_connections(4)
            .connect()
            .await
            .unwrap();
        // Each of four connections leads to the standby.
        let options = TxOptions::new().read_only();
        let gate = tokio::sync::Barrier::new(4);
        let read = async || {
            db.transaction_with(options.clone(), async |tx: &mut Session| {
                sqlx::query("select 1").execute(&mut *tx).await?;
                gate.wait().await;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        };
        tokio::join!(read(), read(), read(), read());
        proxy.lead_to(pair.primary.url());
        let mut failed = Vec::new();
        for id in 0..20 {
            let options = match retry {
                true => TxOptions::new().retry(1),
                false => TxOptions::new(),
            };
            let written = db
                .transaction_with(options, async |tx: &mut Session| {
                    if !first {
                        sqlx::query("select 1").execute(&mut *tx).await?;
                    }
                    sqlx::query("insert into notes values ($1, 'after')")
                        .bind(id)
                        .execute(&mut *tx)
                        .await?;
                    Ok::<_, Error>(())
                })
                .await;
            failed.extend(written.err());
        }
        let most = usize::from(!first && !retry);
        assert!(
            failed.len() <= most,
            "first {first}, retry {retry}: {failed:?}"
        );
        for error in failed {
            assert!(error.classification().retryable, "{error:#}");
        }
        db.close(crate::GRACE).await;
    }
}

/// Runs four boundaries at once, so that there are four connections.
async fn open_four(db: &SessionFactory) {
    let gate = tokio::sync::Barrier::new(4);
    let read = async || {
        db.transaction(async |tx| {
            sqlx::query("select 1").execute(&mut *tx).await?;
            gate.wait().await;
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    };
    tokio::join!(read(), read(), read(), read());
}

async fn try_to_write(db: &SessionFactory, id: i32, options: TxOptions) -> Result<(), Error> {
    db.transaction_with(options, async |tx: &mut Session| {
        sqlx::query("select 1").execute(&mut *tx).await?;
        let insert = sqlx::query("insert into notes values ($1, 'after')");
        insert.bind(id).execute(&mut *tx).await?;
        Ok::<_, Error>(())
    })
    .await
}

/// The old primary is made read-only and goes on, the standby is promoted, and the address leads there. Each begin asks.
#[tokio::test]
async fn a_failover_costs_no_write_where_each_begin_asks() {
    let pair = Pair::start().await;
    let proxy = Proxy::to_url::<Postgres>(pair.primary.url()).await;
    let db = SessionFactory::builder()
        .url(&format!("{}&target_session_attrs=read-write", proxy.url()))
        .max_connections(4)
        .connect()
        .await
        .unwrap();
    open_four(&db).await;
    // A pool of sqlx's own, whose connections lead to the standby.
    let misled = Proxy::to_url::<Postgres>(pair.standby.url()).await;
    let pool = PgPoolOptions::new().max_connections(4).min_connections(4);
    let pool = pool.connect(misled.url()).await.unwrap();
    eventually("there are four", async || pool.size() == 4).await;
    let given = SessionFactory::builder()
        .pool(pool.clone())
        .target_session_attrs(TargetSessionAttrs::Primary)
        .connect_lazy()
        .unwrap();
    misled.lead_to(pair.primary.url());
    for id in 0..20 {
        let written = try_to_write(&given, id, TxOptions::new()).await;
        written.unwrap_or_else(|error| panic!("{id}: {error:#}"));
    }

    pair.is_followed().await;
    run(
        &pair.primary,
        "alter system set default_transaction_read_only = on",
    )
    .await;
    run(&pair.primary, "select pg_reload_conf()").await;
    value(&pair.standby, "select pg_promote()::text").await;
    proxy.lead_to(pair.standby.url());
    eventually("the sessions have heard of it", async || {
        let read_only = "show default_transaction_read_only";
        value(&pair.primary, read_only).await == "on"
    })
    .await;
    let (options, reads) = (TxOptions::new(), TxOptions::new().read_only());
    for id in 20..40 {
        let written = try_to_write(&db, id, options.clone()).await;
        written.unwrap_or_else(|error| panic!("{id}: {error:#}"));
    }
    let count = "select count(*)::text from notes where note = 'after'";
    assert_eq!(value(&pair.standby, count).await, "40");
    // What only reads is asked the same, and is no less welcome.
    let read = db.transaction_with(reads, async |tx: &mut Session| {
        let count = sqlx::query_scalar::<_, i64>("select count(*) from notes");
        Ok::<_, Error>(count.fetch_one(&mut *tx).await?)
    });
    assert_eq!(read.await.unwrap(), 41);
    db.close(crate::GRACE).await;
    given.close(crate::GRACE).await;
}

#[tokio::test]
async fn where_there_is_only_a_standby_the_error_says_so_and_passes() {
    let pair = Pair::start().await;
    let proxy = Proxy::to_url::<Postgres>(pair.standby.url()).await;
    let builder = || {
        SessionFactory::builder()
            .url(&format!("{}&target_session_attrs=primary", proxy.url()))
            .max_connections(4)
    };
    let refused = builder().connect().await.unwrap_err();
    let db = builder().connect_lazy().unwrap();
    proxy.forget();
    for error in [
        refused,
        try_to_write(&db, 1, TxOptions::new()).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Connect { .. }), "{error:?}");
        let said = error.to_string();
        assert!(
            said.contains("the server is a standby, and `target_session_attrs` asks for `primary`")
                && said.contains("wait until the failover is over"),
            "{said}"
        );
        let meaning = error.classification();
        assert_eq!(
            (meaning.category, meaning.retryable, meaning.recovery),
            (Category::Connection, true, Recovery::Wait)
        );
        assert_eq!(error.problem().http_status(), 503);
    }
    // A standby is not asked again and again by one boundary.
    let requests = proxy.requests();
    let opened = requests.iter().filter(|request| *request == "Startup");
    assert_eq!(opened.count(), 1, "{requests:#?}");

    // Both wait for the promotion.
    let retry = Retry::times(100)
        .first_delay(Duration::from_millis(50))
        .longest_delay(Duration::from_millis(200));
    let written = try_to_write(&db, 2, TxOptions::new().retry(retry));
    let connected = builder().startup_timeout(Duration::from_secs(30)).connect();
    let promoted = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        value(&pair.standby, "select pg_promote()::text").await;
    };
    let (written, connected, ()) = tokio::join!(written, connected, promoted);
    written.unwrap_or_else(|error| panic!("{error:#}"));
    connected.unwrap().close(crate::GRACE).await;
    db.close(crate::GRACE).await;
}

#[tokio::test]
async fn to_ask_for_a_primary_costs_no_round_trip_and_replicas_are_not_asked() {
    let pair = Pair::start().await;
    let proxy = Proxy::to_url::<Postgres>(pair.primary.url()).await;
    for options in [
        TxOptions::new(),
        TxOptions::new().isolation(Isolation::Serializable),
        TxOptions::new().confirm_commit(),
    ] {
        let mut trips = Vec::new();
        for target in [TargetSessionAttrs::Any, TargetSessionAttrs::Primary] {
            let db = SessionFactory::builder()
                .url(proxy.url())
                .target_session_attrs(target)
                .replica(pair.standby.url())
                .connect()
                .await
                .unwrap();
            for _ in 0..2 {
                proxy.forget();
                let done = db.transaction_with(options.clone(), async |tx: &mut Session| {
                    sqlx::query("select 1").execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                });
                done.await.unwrap();
            }
            trips.push(proxy.round_trips());
            let read = read(&db, ReadPreference::Require).await.unwrap();
            assert!(read.0, "the replica was read");
            db.close(crate::GRACE).await;
        }
        assert_eq!(trips, [3, 3], "{options:?}");
    }
}
