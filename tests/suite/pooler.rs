//! Behind a pooler: PgBouncer, with two connections to the server.

use std::time::{Duration, Instant};

use demarcate::health::{CheckKind, Status, Thresholds};
use demarcate::postgres::{Session, SessionFactory};
use demarcate::settings::Pooler;
use demarcate::{Error, TxOptions};
use demarcate_tests::proxy::Proxy;
use demarcate_tests::{Mode, TestDb, pgbouncer};
use sqlx::{ConnectOptions, Executor, Postgres, Row, SqlSafeStr};
use tokio::sync::Semaphore;

use crate::{ITEMS, eventually, is_running, items};

/// ... by what two sessions meet, and whatever the factory was told.
#[tokio::test]
async fn what_stands_between_is_found() {
    let db = demarcate_tests::postgres().await;
    let places = [
        (Pooler::None, db.own_url().to_owned()),
        (Pooler::Session, pgbouncer(Mode::Session, &db).await),
        (Pooler::Transaction, pgbouncer(Mode::Transaction, &db).await),
    ];
    for (stands, url) in places {
        for told in [Pooler::None, Pooler::Session, Pooler::Transaction] {
            if told == Pooler::None && stands != Pooler::None {
                continue;
            }
            let builder = SessionFactory::builder().url(&url).pooler(told);
            let factory = builder.max_connections(1).connect().await.unwrap();
            let report = factory.verify_pooler().await.unwrap();
            assert_eq!(report.found, stands, "told {told}: {report}");
            assert_eq!(report.configured, told);
            assert_eq!(report.is_as_configured(), told == stands);
            assert_eq!(report.leaks, stands == Pooler::Transaction, "{report}");
            factory.close(crate::GRACE).await;
        }
    }
}

/// A factory whose connections go through PgBouncer in transaction mode, and the database behind.
async fn behind(connections: usize) -> (TestDb<Postgres>, SessionFactory) {
    behind_one_in(Mode::Transaction, connections).await
}

async fn behind_one_in(mode: Mode, connections: usize) -> (TestDb<Postgres>, SessionFactory) {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let url = pgbouncer(mode, &db).await;
    let builder = SessionFactory::builder().url(&url);
    let factory = builder.max_connections(connections).connect().await;
    (db, factory.unwrap())
}

/// What is left on the two sessions that PgBouncer has with the server.
async fn left_behind(db: &TestDb<Postgres>) -> Vec<String> {
    let url = pgbouncer(Mode::Transaction, db).await;
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let options = options.extra_float_digits(None);
    let mut left = Vec::new();
    // Two that are open at once have one each.
    let mut one = options.connect().await.unwrap();
    let mut other = options.connect().await.unwrap();
    for session in [&mut one, &mut other] {
        sqlx::raw_sql("begin").execute(&mut *session).await.unwrap();
        let found = sqlx::raw_sql(
            "select name as what from pg_prepared_statements \
             union all select relname from pg_class where relpersistence = 't' and relkind = 'r' \
             union all select current_setting('demarcate.left', true) \
             union all select locktype from pg_locks join pg_database on pg_database.oid = database \
                       where locktype = 'advisory' and datname = current_database()",
        );
        let rows = found.fetch_all(&mut *session).await.unwrap();
        let found = rows
            .iter()
            .filter_map(|row| row.get::<Option<String>, _>(0));
        left.extend(found.filter(|what| !what.is_empty()));
    }
    left
}

/// 10,000 tasks, 20 connections to the pooler, two from there to the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn none_of_ten_thousand_boundaries_is_lost() {
    const BOUNDARIES: i64 = 10_000;
    // The last waits for all others.
    const PATIENCE: Duration = Duration::from_secs(600);

    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let url = pgbouncer(Mode::Transaction, &db).await;
    let builder = SessionFactory::builder().url(&url).max_connections(20);
    let builder = builder.max_waiting(BOUNDARIES as usize);
    let factory = builder.acquire_timeout(PATIENCE).connect().await.unwrap();
    let tasks: Vec<_> = (0..BOUNDARIES)
        .map(|id| {
            let factory = factory.clone();
            tokio::spawn(async move {
                let options = TxOptions::new().timeout(PATIENCE);
                factory
                    .transaction_with(options, async |tx: &mut Session| {
                        let insert = sqlx::query("insert into items (id) values ($1)");
                        insert.bind(id).execute(&mut *tx).await?;
                        let own = "select id from items where id = $1";
                        let found: i64 =
                            sqlx::query_scalar(own).bind(id).fetch_one(&mut *tx).await?;
                        assert_eq!(found, id);
                        Ok::<_, Error>(())
                    })
                    .await
            })
        })
        .collect();
    let mut lost = Vec::new();
    for task in tasks {
        lost.extend(task.await.unwrap().err().map(|error| error.to_string()));
    }
    assert_eq!(lost.len(), 0, "the first: {:?}", lost.first());
    assert_eq!(items(&db).await, BOUNDARIES);
    let stats = factory.stats()[0].1.clone();
    assert_eq!(stats.committed, BOUNDARIES as u64);
    // The begin, the commit, and each statement with its preparation; on each of 20 connections a savepoint before the
    // first of each of two texts, and its release.
    let further = stats.round_trips - 6 * BOUNDARIES as u64;
    assert!((2..=60).contains(&further), "{further}");
    factory.close(crate::GRACE).await;
    assert_eq!(left_behind(&db).await, [""; 0]);
}

/// Every statement is prepared anew, and the statistics say so.
#[tokio::test]
async fn statements_are_unnamed_and_counted_as_what_they_cost() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    let proxy = Proxy::to(&db).await;
    let builder = SessionFactory::builder().url(proxy.url());
    let builder = builder.pooler(Pooler::Transaction).max_connections(1);
    let factory = builder.connect().await.unwrap();
    for id in 1..=3_i64 {
        proxy.forget();
        factory
            .transaction(async |tx| {
                // Whatever the query itself asks for.
                let insert = sqlx::query("insert into items (id) values ($1)").persistent(true);
                insert.bind(id).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let sent = proxy.requests();
        // A text that is new to the connection has a savepoint before it.
        let first = u64::from(id == 1);
        assert_eq!(proxy.round_trips() as u64, 4 + first, "{sent:#?}");
        assert_eq!(factory.stats()[0].1.round_trips, 4 * id as u64 + 1);
    }
}

#[tokio::test]
async fn what_needs_a_name_is_refused_before_anything_is_sent() {
    let (_db, factory) = behind(1).await;
    for describe in [false, true] {
        let refused: Result<(), Error> = factory
            .transaction(async |tx| {
                if describe {
                    tx.describe("select 1".into_sql_str()).await?;
                } else {
                    tx.prepare("select 1".into_sql_str()).await?;
                }
                Ok(())
            })
            .await;
        assert!(
            matches!(refused, Err(Error::Unsupported { .. })),
            "{refused:?}"
        );
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains("in transaction mode has no session"),
            "{message}"
        );
    }
    let stats = factory.stats();
    assert!(
        stats.iter().all(|(_, stats)| stats.round_trips == 0),
        "{stats:?}"
    );
}

#[derive(Clone, Copy, Debug, PartialEq, sqlx::Type)]
#[sqlx(type_name = "mood", rename_all = "lowercase")]
enum Mood {
    Glad,
}

/// sqlx looks types up with queries of its own, on connections of which each meets both sessions.
#[tokio::test]
async fn types_of_the_users_own_leave_nothing_behind() {
    let (db, factory) = behind(4).await;
    db.admin("create type mood as enum ('glad'); create table moods (id bigint, mood mood, moods mood[])")
        .await;
    let feel = async |id: i64, fail: bool| -> Result<(), Error> {
        factory
            .transaction(async |tx| {
                let insert = sqlx::query("insert into moods values ($1, $2, $3)");
                let insert = insert.bind(id).bind(Mood::Glad).bind([Mood::Glad]);
                insert.execute(&mut *tx).await?;
                let felt = sqlx::query_scalar("select mood from moods where id = $1").bind(id);
                let felt: Mood = felt.fetch_one(&mut *tx).await?;
                assert_eq!(felt, Mood::Glad);
                if fail {
                    Err(sqlx::Error::RowNotFound.into())
                } else {
                    Ok(())
                }
            })
            .await
    };
    for round in 0..5 {
        let id = 10 * round;
        let (a, b, c, d) = tokio::join!(
            feel(id, false),
            feel(id + 1, true),
            feel(id + 2, false),
            feel(id + 3, true)
        );
        a.and(c).unwrap();
        assert!(matches!(
            (b, d),
            (Err(Error::Database { .. }), Err(Error::Database { .. }))
        ));
    }
    assert_eq!(
        db.admin_value::<i64>("select count(*) from moods").await,
        10
    );
    factory.close(crate::GRACE).await;
    assert_eq!(left_behind(&db).await, [""; 0]);
}

/// What a service has leave for, and what was done past the guard, goes with the transaction.
#[tokio::test]
async fn what_was_allowed_to_stay_does_not_reach_the_next_client() {
    let (db, factory) = behind(1).await;
    for _ in 0..3 {
        factory
            .transaction(async |tx| {
                let connection = tx.unguarded().await?;
                sqlx::query("create temporary table steps (id int)")
                    .execute(&mut *connection)
                    .await?;
                sqlx::query(
                    "select pg_advisory_lock(7), set_config('demarcate.left', 'yes', false)",
                )
                .execute(&mut *connection)
                .await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
    assert_eq!(left_behind(&db).await, [""; 0]);
}

/// Every connection that the pooler has is in a transaction; one runs a statement that nobody waits for, the other
/// waits for its lock. The order to stop it waits for a connection, so that closing has to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn locks_go_with_the_caller_though_the_pooler_is_exhausted() {
    for mode in [Mode::Session, Mode::Transaction] {
        let (db, factory) = behind_one_in(mode, 4).await;
        db.admin("insert into items (id) values (1)").await;
        let holds = factory.transaction(async |tx| {
            let take = "update items set name = 'mine' where id = 1";
            sqlx::query(take).execute(&mut *tx).await?;
            sqlx::query("select pg_sleep(20)").execute(&mut *tx).await?;
            Ok::<_, Error>(())
        });
        let mut holds = Box::pin(holds);
        tokio::select! {
            ended = &mut holds => panic!("{ended:?}"),
            () = is_running(&factory, "pg_sleep") => {}
        }
        let waits = tokio::spawn({
            let factory = factory.clone();
            async move {
                factory
                    .transaction(async |tx| {
                        let take = "update items set name = 'next' where id = 1";
                        sqlx::query(take).execute(&mut *tx).await?;
                        Ok::<_, Error>(())
                    })
                    .await
            }
        });
        let waiting = "select count(*) from pg_stat_activity \
                       where datname = current_database() and wait_event_type = 'Lock'";
        eventually("the other waits", async || {
            db.admin_value::<i64>(waiting).await > 0
        })
        .await;
        assert!(!waits.is_finished());
        drop(holds);
        let gone = Instant::now();
        waits.await.unwrap().unwrap();
        let waited = gone.elapsed();
        println!("{mode:?}: the lock was free {waited:?} after its holder had gone");
        assert!(waited < Duration::from_secs(3), "{mode:?}: {waited:?}");
    }
}

/// The pool may have five times as many as the pooler has: those that cannot be made are not waited for while others come
/// back.
#[tokio::test]
async fn in_session_mode_nobody_waits_for_a_connection_that_the_pooler_has_not() {
    let (db, factory) = behind_one_in(Mode::Session, 10).await;
    let began = Instant::now();
    let stored = (0..40_i64).map(|id| {
        factory.transaction(async move |tx| {
            let insert = sqlx::query("insert into items (id) values ($1)");
            insert.bind(id).execute(&mut *tx).await?;
            sqlx::query("select pg_sleep(0.02)")
                .execute(&mut *tx)
                .await?;
            Ok::<_, Error>(())
        })
    });
    for stored in futures_util::future::join_all(stored).await {
        stored.unwrap();
    }
    // PgBouncer lets one wait for 20 s.
    assert!(
        began.elapsed() < Duration::from_secs(19),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(items(&db).await, 40);
    assert_eq!(factory.pool_status().connections, 2);
    factory.close(crate::GRACE).await;
}

/// Where idle connections hold all that the pooler has, one of them is asked.
#[tokio::test]
async fn in_session_mode_the_health_is_asked_for_over_what_the_pool_has() {
    let (_db, factory) = behind_one_in(Mode::Session, 2).await;
    let limit = Duration::from_millis(500);
    let thresholds = Thresholds::new().timeout(limit).unwrap();
    let release = Semaphore::new(0);
    let hold = || {
        factory.transaction(async |tx: &mut Session| {
            sqlx::query("select 1").execute(&mut *tx).await?;
            // It fails only where the semaphore is closed.
            release.acquire().await.unwrap().forget();
            Ok::<_, Error>(())
        })
    };
    let both_are_held = async || {
        eventually("both are held", async || {
            factory.pool_status().holders.len() == 2
        })
        .await;
    };
    let let_go = async {
        both_are_held().await;
        release.add_permits(2);
        Ok(())
    };
    tokio::try_join!(hold(), hold(), let_go).unwrap();
    assert_eq!(factory.pool_status().idle, 2);
    // However long an answer takes where the machine does much else.
    let patient = Thresholds::new().levels(CheckKind::Connection, [1e4, 2e4, 3e4]);
    let report = factory.health_with(&patient.unwrap()).await;
    let connection = report.check(CheckKind::Connection).unwrap();
    assert_eq!(connection.status(), Some(Status::Healthy), "{report}");
    let pool = factory.pool_status();
    assert_eq!((pool.connections, pool.idle), (2, 2), "it came back");

    // One that comes back while the report waits is asked as well. PgBouncer lets the control connection wait for 20 s.
    let patient = Thresholds::new().levels(CheckKind::Connection, [1e4, 2e4, 3e4]);
    let patient = patient.unwrap().timeout(Duration::from_secs(15)).unwrap();
    let look = async {
        both_are_held().await;
        let let_go = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            release.add_permits(1);
        };
        let (report, ()) = tokio::join!(factory.health_with(&patient), let_go);
        release.add_permits(1);
        Ok(report)
    };
    let ((), (), report) = tokio::try_join!(hold(), hold(), look).unwrap();
    let connection = report.check(CheckKind::Connection).unwrap();
    assert_eq!(connection.status(), Some(Status::Healthy), "{report}");
    let pool = factory.pool_status();
    assert_eq!((pool.connections, pool.idle), (2, 2), "all came back");

    let look = async {
        both_are_held().await;
        let report = factory.health_with(&thresholds).await;
        release.add_permits(2);
        Ok(report)
    };
    let ((), (), report) = tokio::try_join!(hold(), hold(), look).unwrap();
    let connection = report.check(CheckKind::Connection).unwrap();
    let advice = connection.recommendation.unwrap();
    assert!(
        advice.contains("has the pooler a session left?"),
        "{report}"
    );
    factory.close(crate::GRACE).await;
}

/// One that was made by somebody else, who says what is before the server.
#[tokio::test]
async fn a_users_own_pool_is_told_of_its_pooler() {
    let (db, _) = behind(1).await;
    let url = pgbouncer(Mode::Transaction, &db).await;
    let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(8);
    let pool = pool
        .connect_with(options.extra_float_digits(None))
        .await
        .unwrap();
    let factory =
        SessionFactory::from_pool_with_pooler(pool, Pooler::Transaction, TxOptions::new()).unwrap();
    let store = |id: i64| {
        let factory = factory.clone();
        tokio::spawn(async move {
            factory
                .transaction(async |tx| {
                    let insert = sqlx::query("insert into items (id) values ($1)");
                    insert.bind(id).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
        })
    };
    for stored in (0..100).map(store).collect::<Vec<_>>() {
        stored.await.unwrap().unwrap();
    }
    assert_eq!(items(&db).await, 100);
    assert_eq!(left_behind(&db).await, [""; 0]);
}

/// The pooler's own words, and what to do.
#[tokio::test]
async fn a_pooler_that_nobody_told_of_is_recognised_by_what_it_refuses() {
    let (db, _) = behind(1).await;
    let url = pgbouncer(Mode::Transaction, &db).await;
    for (factory, advice) in [
        (
            SessionFactory::builder().url(&url).pooler(Pooler::None),
            "`pgbouncer=true`",
        ),
        (
            SessionFactory::builder().url(&format!("{url}&options=-c%20geqo%3Doff")),
            "ALTER ROLE",
        ),
    ] {
        let refused = factory.connect().await.unwrap_err();
        assert!(matches!(refused, Error::Connect { .. }), "{refused:?}");
        assert!(refused.to_string().contains(advice), "{refused}");
    }
}

#[test]
fn a_database_without_poolers_refuses_one() {
    let builder = demarcate::sqlite::SessionFactory::builder().url("sqlite::memory:");
    let refused = builder
        .pooler(Pooler::Transaction)
        .connect_lazy()
        .unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused:?}");
}

/// Six programs that know of no pooler, each with one connection, the same texts in another order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_nothing_shows_is_found_before_it_does_harm() {
    const TEXTS: [&str; 5] = [
        "select $1 + 0",
        "select $1 + 100",
        "select $1 + 200",
        "select $1 + 300",
        "select $1 + 400",
    ];
    let db = demarcate_tests::postgres().await;
    let url = pgbouncer(Mode::Hidden, &db).await;
    let mut programs = Vec::new();
    for program in 0..6 {
        let builder = SessionFactory::builder().url(&url).max_connections(1);
        let factory = builder.connect().await.unwrap();
        programs.push(tokio::spawn(async move {
            let mut wrong = Vec::new();
            for round in 0..200 {
                let which = (program + round) % TEXTS.len();
                let given = factory
                    .transaction(async |tx| {
                        let asked = sqlx::query_scalar(TEXTS[which]).bind(7_i32);
                        Ok::<i32, Error>(asked.fetch_one(&mut *tx).await?)
                    })
                    .await;
                let right = i32::try_from(7 + 100 * which).unwrap();
                if !matches!(given, Ok(given) if given == right) {
                    wrong.push(format!("{round}: {given:?} for {right}"));
                }
            }
            factory.close(crate::GRACE).await;
            wrong
        }));
    }
    let mut wrong = Vec::new();
    for program in programs {
        wrong.extend(program.await.unwrap());
    }
    assert_eq!(wrong, [""; 0], "of 1,200");
}

/// Runs four programs that know of no pooler, each with so many connections. A program runs `store` for each of its 50 items.
async fn check_four_programs<F: Future<Output = ()> + Send>(
    db: &TestDb<Postgres>,
    connections: usize,
    store: impl Fn(SessionFactory, i64, i64) -> F + Copy + Send + 'static,
) {
    let url = pgbouncer(Mode::Hidden, db).await;
    let mut programs = Vec::new();
    for program in 0..4_i64 {
        let builder = SessionFactory::builder()
            .url(&url)
            .max_connections(connections);
        let factory = builder.connect().await.unwrap();
        programs.push(tokio::spawn(async move {
            for id in 0..50 {
                store(factory.clone(), program * 1_000 + id, id).await;
            }
            factory.close(crate::GRACE).await;
        }));
    }
    for program in programs {
        program.await.unwrap();
    }
    assert_eq!(items(db).await, 200);
}

/// The same with several statements in each transaction and several connections: what a program cannot know before its
/// second statement fails is retryable, and `retry` cures it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_becomes_the_client_of_a_pooler_that_it_finds() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    check_four_programs(&db, 3, |factory, item, id| async move {
        let options = TxOptions::new().retry(3);
        factory
            .transaction_with(options, async |tx: &mut Session| {
                let insert = sqlx::query("insert into items (id) values ($1)");
                insert.bind(item).execute(&mut *tx).await?;
                let own = format!("select id + {} from items where id = $1", id % 3);
                let own = sqlx::query_scalar(sqlx::AssertSqlSafe(own));
                let found: i64 = own.bind(item).fetch_one(&mut *tx).await?;
                assert_eq!(found, item + id % 3);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    })
    .await;
}

/// A connection of the pooler that this left read-only would refuse the writes of others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_boundary_that_reads_stays_on_a_pooler_that_nothing_shows() {
    let db = demarcate_tests::postgres().await;
    db.admin(ITEMS).await;
    // The value that each connection of sqlx asks for as well.
    let name: String = db.admin_value("select current_database()::text").await;
    db.admin(&format!(
        "alter database \"{name}\" set extra_float_digits = 2"
    ))
    .await;
    check_four_programs(&db, 1, |factory, item, _| async move {
        let reads = TxOptions::new().read_only();
        factory
            .transaction_with(reads, async |tx: &mut Session| {
                sqlx::query("select id from items")
                    .fetch_all(&mut *tx)
                    .await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        factory
            .transaction_with(TxOptions::new().retry(3), async |tx: &mut Session| {
                let insert = sqlx::query("insert into items (id) values ($1)");
                insert.bind(item).execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    })
    .await;
}

/// sqlx looks the type up between preparing a statement and running it, which a statement without a name does not survive.
#[tokio::test]
async fn a_type_that_is_met_for_the_first_time_costs_no_boundary() {
    let (db, factory) = behind(1).await;
    db.admin("create type mood as enum ('glad'); create table moods (mood mood); insert into moods values ('glad')").await;
    for first in [true, false] {
        let factory = match first {
            true => factory.clone(),
            false => behind_url(&db).await,
        };
        factory
            .transaction(async |tx| {
                if !first {
                    sqlx::query("select 1").execute(&mut *tx).await?;
                }
                let read = "select mood from moods where $1";
                let mood: Mood = sqlx::query_scalar(read)
                    .bind(true)
                    .fetch_one(&mut *tx)
                    .await?;
                assert_eq!(mood, Mood::Glad);
                let cursor = sqlx::query("select 'c'::refcursor where $1").bind(true);
                cursor.fetch_one(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        factory.close(crate::GRACE).await;
    }
}

async fn behind_url(db: &TestDb<Postgres>) -> SessionFactory {
    let url = pgbouncer(Mode::Transaction, db).await;
    SessionFactory::connect(&url).await.unwrap()
}

/// Each statement could run on another of the server's sessions.
#[tokio::test]
async fn a_connection_outside_a_transaction_is_refused_with_its_reason() {
    let (_db, factory) = behind(1).await;
    let refused = factory.connection(async |_| Ok::<_, Error>(())).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::Unsupported { .. }), "{refused}");
    let said = refused.to_string();
    assert!(said.contains("connect to the server itself"), "{said}");
    factory.close(crate::GRACE).await;
}

/// Migrations lock the server's session, which belongs to other clients between two statements.
#[tokio::test]
async fn migrations_are_refused_with_their_reason() {
    let (_db, factory) = behind(1).await;
    let refused = factory
        .migrate(&sqlx::migrate::Migrator::with_migrations(vec![]))
        .await;
    assert!(
        matches!(refused, Err(Error::Unsupported { .. })),
        "{refused:?}"
    );
    let said = refused.unwrap_err().to_string();
    assert!(said.contains("connect to the server itself"), "{said}");
    factory.close(crate::GRACE).await;
}
