//! Boundaries that read from a copy of the database.
//!
//! The copy is another database, and not one that follows: what is asked is which of them a boundary runs on.

use std::time::{Duration, Instant};

use demarcate::postgres::{Session, SessionFactory};
use demarcate::settings::Settings;
use demarcate::{Error, Isolation, OpenBoundary, ReadPreference, TxOptions, router_tx};
use demarcate_tests::proxy::{Fault, Pattern, Proxy};
use demarcate_tests::{Mode, TestDb, pgbouncer};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, SqlSafeStr};

use crate::TRIES;
use crate::door::{Door, door};

/// A replica that was not there is not asked for 2 s.
const AVOIDED: Duration = Duration::from_millis(2_100);

const WHO: &str = "create table who (name text); insert into who values";

struct Pair {
    primary: TestDb<sqlx::Postgres>,
    replica: TestDb<sqlx::Postgres>,
}

impl Pair {
    async fn new() -> Self {
        let (primary, replica) =
            tokio::join!(demarcate_tests::postgres(), demarcate_tests::postgres());
        primary.admin(&format!("{WHO} ('primary')")).await;
        replica.admin(&format!("{WHO} ('replica')")).await;
        Self { primary, replica }
    }

    async fn connect(&self) -> SessionFactory {
        let builder = SessionFactory::builder()
            .url(self.primary.url())
            .replica(self.replica.url());
        builder.connect().await.unwrap()
    }
}

async fn who(db: &SessionFactory, options: TxOptions) -> Result<String, Error> {
    db.transaction_with(options, async |tx: &mut Session| {
        let name: String = sqlx::query_scalar("select name from who")
            .fetch_one(&mut *tx)
            .await?;
        let open = db.open_boundaries();
        let is_there = |open: &OpenBoundary| open.replica.is_some() == (name == "replica");
        assert!(open.iter().any(is_there), "{name}: {open:?}");
        Ok::<_, Error>(name)
    })
    .await
}

fn reading(replica: ReadPreference) -> TxOptions {
    TxOptions::new().read_only().replica(replica)
}

#[tokio::test]
async fn who_asks_for_a_replica_reads_there_and_nobody_else() {
    let pair = Pair::new().await;
    let db = pair.connect().await;
    for (options, expected) in [
        (TxOptions::new(), "primary"),
        (TxOptions::new().read_only(), "primary"),
        (reading(ReadPreference::Never), "primary"),
        (reading(ReadPreference::Prefer), "replica"),
        (reading(ReadPreference::Require), "replica"),
        (
            reading(ReadPreference::Prefer).isolation(Isolation::RepeatableRead),
            "replica",
        ),
        (
            reading(ReadPreference::Prefer).isolation(Isolation::Serializable),
            "primary",
        ),
    ] {
        // A task of its own each: the first of them has committed a transaction that could write.
        let task = tokio::spawn({
            let (db, options) = (db.clone(), options.clone());
            async move { who(&db, options).await }
        });
        assert_eq!(task.await.unwrap().unwrap(), expected, "{options:?}");
    }
    assert_eq!(db.replica_status()[0].connections, 1);
}

#[router_tx(read_only, replica = Prefer)]
async fn get_who(tx: &mut Session) -> Result<String, Error> {
    Ok(sqlx::query_scalar("select name from who")
        .fetch_one(&mut *tx)
        .await?)
}

#[tokio::test]
async fn after_a_write_the_same_task_reads_what_it_wrote() {
    let pair = Pair::new().await;
    let db = pair.connect().await;
    assert_eq!(get_who(db.clone()).await.unwrap(), "replica");
    // One that rolls back has written nothing.
    let undone: Result<(), Error> = db
        .transaction(async |tx| {
            sqlx::query("update who set name = 'nobody'")
                .execute(&mut *tx)
                .await?;
            Err(sqlx::Error::RowNotFound.into())
        })
        .await;
    assert!(undone.is_err());
    assert_eq!(get_who(db.clone()).await.unwrap(), "replica");
    db.transaction(async |tx| {
        sqlx::query("update who set name = 'written'")
            .execute(&mut *tx)
            .await?;
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    assert_eq!(get_who(db.clone()).await.unwrap(), "written");
    // Unless it is told so, and in another task.
    assert_eq!(
        who(&db, reading(ReadPreference::Require)).await.unwrap(),
        "replica"
    );
    let elsewhere = tokio::spawn(get_who(db.clone()));
    assert_eq!(elsewhere.await.unwrap().unwrap(), "replica");
}

#[tokio::test]
async fn a_replica_that_is_away_is_done_without_unless_it_is_required() {
    let pair = Pair::new().await;
    let away = "postgres://nobody@127.0.0.1:1/none";
    let db = SessionFactory::builder()
        .url(pair.primary.url())
        .replica(away)
        .acquire_timeout(Duration::from_secs(2))
        .connect()
        .await
        .unwrap();
    assert_eq!(
        who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
        "primary"
    );
    let refused = who(&db, reading(ReadPreference::Require)).await;
    assert!(matches!(refused, Err(Error::Connect { .. })), "{refused:?}");
}

/// One that hangs is worse than one that is away.
#[tokio::test]
async fn a_replica_that_never_answers_costs_one_boundary_a_second() {
    let pair = Pair::new().await;
    let (silent, door) = door(pair.replica.url(), Door::Silent).await;
    let db = SessionFactory::builder()
        .url(pair.primary.url())
        .replica(&silent)
        .connect()
        .await
        .unwrap();
    let (in_time, at_once) = (Duration::from_secs(3), Duration::from_millis(900));
    let (mut first, mut others) = (Duration::MAX, Duration::MAX);
    for _ in 0..TRIES {
        let began = Instant::now();
        assert_eq!(
            who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
            "primary"
        );
        first = began.elapsed();
        assert!(first >= at_once, "{first:?}");
        let began = Instant::now();
        for _ in 0..10 {
            assert_eq!(
                who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
                "primary"
            );
        }
        others = began.elapsed();
        if first < in_time && others < at_once {
            break;
        }
        // By then it is asked again.
        tokio::time::sleep(AVOIDED).await;
    }
    assert!(first < in_time, "{first:?}");
    assert!(others < at_once, "it was not asked again: {others:?}");

    // Well again, it is found again.
    door.send_replace(Door::Open);
    crate::eventually("the replica is read", async || {
        who(&db, reading(ReadPreference::Prefer)).await.unwrap() == "replica"
    })
    .await;
    assert!(db.replica_status()[0].holders.is_empty());
}

#[tokio::test]
async fn a_replica_is_for_reading_and_must_be_there_to_be_required() {
    let pair = Pair::new().await;
    let db = SessionFactory::connect(pair.primary.url()).await.unwrap();
    for options in [
        TxOptions::new().replica(ReadPreference::Prefer),
        TxOptions::new().replica(ReadPreference::Require),
        reading(ReadPreference::Require),
    ] {
        let refused = who(&db, options).await;
        assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
    }
    assert_eq!(
        who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
        "primary"
    );
    let serializable = reading(ReadPreference::Require).isolation(Isolation::Serializable);
    let refused = who(&pair.connect().await, serializable).await;
    assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
}

#[tokio::test]
async fn replicas_come_from_the_environment_and_from_defaults() {
    let pair = Pair::new().await;
    let settings = Settings::from_variables([
        ("DATABASE_URL", pair.primary.url()),
        (
            "DATABASE_REPLICA_URL",
            &format!("{0} {0}", pair.replica.url()),
        ),
    ])
    .unwrap();
    let db = SessionFactory::builder()
        .settings(&settings)
        .defaults(TxOptions::new().replica(ReadPreference::Prefer))
        .connect()
        .await
        .unwrap();
    for _ in 0..4 {
        assert_eq!(
            who(&db, TxOptions::new().read_only()).await.unwrap(),
            "replica"
        );
    }
    // They take turns.
    assert!(
        db.replica_status()
            .iter()
            .all(|status| status.connections == 1)
    );
    assert_eq!(who(&db, TxOptions::new()).await.unwrap(), "primary");
    db.close(crate::GRACE).await;
    assert!(
        db.replica_status()
            .iter()
            .all(|status| status.connections == 0)
    );
}

/// However little time the boundary has, some of it is left for the primary.
#[tokio::test]
async fn a_replica_that_never_answers_leaves_time_for_the_primary() {
    let pair = Pair::new().await;
    let (silent, _door) = door(pair.primary.url(), Door::Silent).await;
    let builder = SessionFactory::builder().url(pair.primary.url());
    let db = builder.replica(&silent).connect().await.unwrap();
    for _ in 0..4 {
        let options = reading(ReadPreference::Prefer).timeout(Duration::from_millis(1_900));
        assert_eq!(who(&db, options).await.unwrap(), "primary");
    }
    // One that is given up by who waits for it is avoided as well.
    let at_once = Duration::from_millis(500);
    let took = crate::shortest(at_once, async || {
        tokio::time::sleep(AVOIDED).await;
        let given_up = who(&db, reading(ReadPreference::Prefer));
        let given_up = tokio::time::timeout(Duration::from_millis(200), given_up).await;
        assert!(given_up.is_err());
        let started = Instant::now();
        assert_eq!(
            who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
            "primary"
        );
        started.elapsed()
    })
    .await;
    assert!(took < at_once, "{took:?}");
    db.close(crate::GRACE).await;
}

/// A commit that its task has lost sight of may have been kept all the same.
#[tokio::test]
async fn after_a_commit_that_nobody_has_seen_the_primary_is_read() {
    let pair = Pair::new().await;
    pair.primary
        .admin(
            "create function slow() returns trigger language plpgsql as \
             'begin perform pg_advisory_xact_lock(7); return null; end'; \
             create constraint trigger slow after update on who deferrable initially deferred \
             for each row execute function slow()",
        )
        .await;
    let db = pair.connect().await;
    assert_eq!(
        who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
        "replica"
    );
    let mut in_the_way = pair.primary.connect().await;
    sqlx::raw_sql("select pg_advisory_lock(7)")
        .execute(&mut in_the_way)
        .await
        .unwrap();
    let waiting = "select count(*) from pg_locks join pg_database on pg_database.oid = database \
                   where datname = current_database() and not granted";
    tokio::select! {
        done = write(&db) => panic!("{done:?}"),
        () = crate::eventually("the commit is under way", async || {
            pair.primary.admin_value::<i64>(waiting).await == 1
        }) => {}
    }
    assert_eq!(
        who(&db, reading(ReadPreference::Require)).await.unwrap(),
        "replica"
    );
    assert_eq!(
        who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
        "primary"
    );
    in_the_way.close().await.unwrap();
    db.close(crate::GRACE).await;

    // One whose answer is lost: "look before you do it again".
    let pair = Pair::new().await;
    let proxy = Proxy::to(&pair.primary).await;
    let builder = SessionFactory::builder().url(proxy.url());
    let db = builder.replica(pair.replica.url()).connect().await.unwrap();
    let _point = proxy.before_answer(Pattern::query("COMMIT"), Fault::Cut);
    let lost = write(&db).await;
    assert!(matches!(lost, Err(Error::CommitUnknown { .. })), "{lost:?}");
    assert_eq!(
        who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
        "primary"
    );
    db.close(crate::GRACE).await;
}

async fn write(db: &SessionFactory) -> Result<(), Error> {
    db.transaction(async |tx| {
        sqlx::query("update who set name = name")
            .execute(&mut *tx)
            .await?;
        Ok::<_, Error>(())
    })
    .await
}

#[tokio::test]
async fn after_a_migration_the_primary_is_read() {
    let pair = Pair::new().await;
    let sql = AssertSqlSafe("update who set name = 'migrated'".to_owned()).into_sql_str();
    let step = Migration::new(1, "step".into(), MigrationType::Simple, sql, false);
    let migrations = Migrator::with_migrations(vec![step]);
    let db = pair.connect().await;
    db.migrate(&migrations).await.unwrap();
    assert_eq!(
        who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
        "migrated"
    );
    db.close(crate::GRACE).await;
}

/// Each stands behind what its own URL shows.
#[tokio::test]
async fn a_replica_may_be_behind_a_pooler_of_its_own() {
    let pair = Pair::new().await;
    let pooled = pgbouncer(Mode::Transaction, &pair.replica).await;
    let pooled = format!("{pooled}&pgbouncer=true");
    let builder = SessionFactory::builder().url(pair.primary.own_url());
    let db = builder.replica(&pooled).connect().await.unwrap();
    for _ in 0..3 {
        assert_eq!(
            who(&db, reading(ReadPreference::Require)).await.unwrap(),
            "replica"
        );
    }
    db.close(crate::GRACE).await;
}

/// Its task is another, and what it reads and writes is the reader's.
#[tokio::test]
async fn a_stream_reads_what_its_reader_wrote() {
    use futures_util::TryStreamExt;

    let pair = Pair::new().await;
    let db = pair.connect().await;
    let streamed = async || {
        let names = db.stream(reading(ReadPreference::Prefer), async |tx, out| {
            let name: String = sqlx::query_scalar("select name from who")
                .fetch_one(&mut *tx)
                .await?;
            out.send(name).await;
            Ok::<_, Error>(())
        });
        names.try_collect::<Vec<_>>().await.unwrap()
    };
    assert_eq!(streamed().await, ["replica"]);
    let writing = db.stream(TxOptions::new(), async |tx, out| {
        sqlx::query("update who set name = name")
            .execute(&mut *tx)
            .await?;
        out.send(()).await;
        Ok::<_, Error>(())
    });
    writing.try_collect::<Vec<_>>().await.unwrap();
    assert_eq!(
        who(&db, reading(ReadPreference::Prefer)).await.unwrap(),
        "primary"
    );
    assert_eq!(streamed().await, ["primary"]);
    db.close(crate::GRACE).await;
}
