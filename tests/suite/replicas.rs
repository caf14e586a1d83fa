//! Boundaries that read from a copy of the database.
//!
//! The copy is another database, and not one that follows: what is asked is which of them a boundary runs on.

use std::time::{Duration, Instant};

use demarcate::postgres::{Session, SessionFactory};
use demarcate::settings::Settings;
use demarcate::{Error, Isolation, OpenBoundary, Replica, TxOptions, router_tx};
use demarcate_tests::TestDb;

use crate::door::{Door, door};

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

fn reading(replica: Replica) -> TxOptions {
    TxOptions::new().read_only().replica(replica)
}

#[tokio::test]
async fn who_asks_for_a_replica_reads_there_and_nobody_else() {
    let pair = Pair::new().await;
    let db = pair.connect().await;
    for (options, expected) in [
        (TxOptions::new(), "primary"),
        (TxOptions::new().read_only(), "primary"),
        (reading(Replica::Never), "primary"),
        (reading(Replica::Prefer), "replica"),
        (reading(Replica::Require), "replica"),
        (
            reading(Replica::Prefer).isolation(Isolation::RepeatableRead),
            "replica",
        ),
        (
            reading(Replica::Prefer).isolation(Isolation::Serializable),
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
        who(&db, reading(Replica::Require)).await.unwrap(),
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
    assert_eq!(who(&db, reading(Replica::Prefer)).await.unwrap(), "primary");
    let refused = who(&db, reading(Replica::Require)).await;
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
    let began = Instant::now();
    assert_eq!(who(&db, reading(Replica::Prefer)).await.unwrap(), "primary");
    let first = began.elapsed();
    assert!((900..3_000).contains(&first.as_millis()), "{first:?}");
    let began = Instant::now();
    for _ in 0..10 {
        assert_eq!(who(&db, reading(Replica::Prefer)).await.unwrap(), "primary");
    }
    assert!(began.elapsed() < Duration::from_millis(900), "not again");

    // Well again, it is found again.
    door.send_replace(Door::Open);
    crate::eventually("the replica is read", async || {
        who(&db, reading(Replica::Prefer)).await.unwrap() == "replica"
    })
    .await;
    assert!(db.replica_status()[0].holders.is_empty());
}

#[tokio::test]
async fn a_replica_is_for_reading_and_must_be_there_to_be_required() {
    let pair = Pair::new().await;
    let db = SessionFactory::connect(pair.primary.url()).await.unwrap();
    for options in [
        TxOptions::new().replica(Replica::Prefer),
        TxOptions::new().replica(Replica::Require),
        reading(Replica::Require),
    ] {
        let refused = who(&db, options).await;
        assert!(matches!(refused, Err(Error::Config { .. })), "{refused:?}");
    }
    assert_eq!(who(&db, reading(Replica::Prefer)).await.unwrap(), "primary");
    let serializable = reading(Replica::Require).isolation(Isolation::Serializable);
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
        .defaults(TxOptions::new().replica(Replica::Prefer))
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
