//! A database made sick in each way, and what a look at its health says.
//!
//! `cargo test -p demarcate-tests --test suite -- health --nocapture` prints the reports.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use demarcate::health::{
    Check, CheckKind, HealthReport, Monitor, Outcome, Routes, Status, Thresholds,
};
use demarcate::{Error, TxOptions, router_tx, service};
use demarcate_tests::proxy::{Proxy, Way};
use demarcate_tests::{Backend, OwnPostgres, TestDb, on_every_database};
use sqlx::{AssertSqlSafe, Connection};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;

use crate::connect::{free_port, silent_port};
use crate::door::{Door, door};
use crate::echo::Log;
use crate::handler::{request, serve};
use crate::{GRACE, ITEMS, eventually, shortest};

/// Shows a report to whoever runs the tests with `--nocapture`.
#[track_caller]
fn show(what: &str, report: HealthReport) -> HealthReport {
    println!("== {what}\n{report}\n");
    report
}

#[track_caller]
fn check(report: &HealthReport, kind: CheckKind) -> &Check {
    report
        .check(kind)
        .unwrap_or_else(|| panic!("no {kind} in {report}"))
}

/// That the check says so, and all of `words`.
#[track_caller]
fn is(report: &HealthReport, kind: CheckKind, status: Status, words: &[&str]) {
    let check = check(report, kind);
    assert_eq!(check.status(), Some(status), "{report}");
    let mut evidence = check.evidence.join("\n");
    evidence.extend(check.recommendation);
    for word in words {
        assert!(evidence.contains(word), "`{word}` is not in: {evidence}");
    }
    assert_eq!(
        check.recommendation.is_some(),
        status > Status::Healthy,
        "{check}"
    );
    assert!(report.status >= status, "{report}");
}

#[track_caller]
fn is_skipped(report: &HealthReport, kind: CheckKind, word: &str) {
    let check = check(report, kind);
    let Outcome::Skipped(reason) = &check.outcome else {
        panic!("{report}");
    };
    assert!(reason.contains(word), "`{word}` is not in: {reason}");
    assert_eq!(check.status(), None, "what was skipped is not healthy");
}

/// What is sick after some time by default is so after a second.
fn soon(kind: CheckKind) -> Thresholds {
    calm().levels(kind, [1.0, 100.0, 200.0]).unwrap()
}

/// However long anything takes where the machine does much else.
fn patient() -> Thresholds {
    let kinds = [
        CheckKind::Connection,
        CheckKind::AverageStatement,
        CheckKind::P99Statement,
    ];
    kinds
        .into_iter()
        .fold(Thresholds::new(), |thresholds, kind| {
            thresholds.levels(kind, [1e4, 2e4, 3e4]).unwrap()
        })
}

/// The same without what other tests do to the same server.
pub(crate) fn calm() -> Thresholds {
    patient()
        .without(CheckKind::CacheHits)
        .without(CheckKind::Deadlocks)
        .without(CheckKind::Rollbacks)
        .without(CheckKind::ServerConnections)
        .without(CheckKind::HistoryLength)
}

/// A database of which nobody else's transactions are counted.
trait Counted: Backend {
    /// Has what a transaction comes to counted at its end, and not some time later.
    const COUNT_AT_ONCE: &'static str = "select 1";

    async fn alone() -> TestDb<Self>;
}

/// It counts by database.
impl Counted for sqlx::Postgres {
    // Version 14 has no such function, and is not as late. A session that has read nothing has nothing to tell.
    const COUNT_AT_ONCE: &'static str = "do $$ begin perform count(*) from items; \
         perform pg_stat_force_next_flush(); exception when undefined_function then null; end $$";

    async fn alone() -> TestDb<Self> {
        demarcate_tests::postgres().await
    }
}

impl Counted for sqlx::MySql {
    async fn alone() -> TestDb<Self> {
        demarcate_tests::mariadb_alone().await
    }
}

/// It is the factory that counts.
impl Counted for sqlx::Sqlite {
    async fn alone() -> TestDb<Self> {
        demarcate_tests::sqlite().await
    }
}

on_every_database! {
    /// Holds a connection, with a row locked, until it is released.
    #[router_tx(timeout = "60s", allow(D052, reason = "it is to be in the way"))]
    pub(super) async fn hold(tx: &mut Session, held: oneshot::Sender<()>, release: oneshot::Receiver<()>) -> Result<(), Error> {
        take(tx).await?;
        held.send(()).ok();
        release.await.ok();
        Ok(())
    }

    #[service]
    async fn take(tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("update items set name = 'secret' where id = 1").execute(&mut *tx).await?;
        Ok(())
    }

    #[router_tx(timeout = "60s", read_only, allow(D052, reason = "it is to be in the way"))]
    async fn read(tx: &mut Session, held: oneshot::Sender<()>, release: oneshot::Receiver<()>) -> Result<(), Error> {
        sqlx::query("select name from items where name = 'secret'").execute(&mut *tx).await?;
        held.send(()).ok();
        release.await.ok();
        Ok(())
    }

    /// Readers that hold so many connections until what is returned is dropped.
    async fn readers(db: &SessionFactory, count: usize) -> Vec<oneshot::Sender<()>> {
        let mut releases = Vec::new();
        for _ in 0..count {
            let (held, is_held) = oneshot::channel();
            let (release, released) = oneshot::channel();
            tokio::spawn(read(db.clone(), held, released));
            is_held.await.unwrap();
            releases.push(release);
        }
        releases
    }

    pub(super) async fn start(db: &TestDb<Database>) -> SessionFactory {
        db.admin(&format!("{ITEMS}; insert into items (id) values (1), (2)")).await;
        SessionFactory::builder().url(db.url()).max_connections(4).connect().await.unwrap()
    }

    #[tokio::test]
    async fn what_is_well_is_healthy_soon_and_undisturbed() {
        let db = test_db().await;
        let factory = start(&db).await;
        let first = factory.health_with(&calm()).await;
        for _ in 0..30 {
            let released = readers(&factory, 1).await;
            drop(released);
        }
        eventually("all are back", async || factory.pool_status().holders.is_empty()).await;
        let (stats, times, pool) = (factory.stats(), factory.statement_times(), factory.pool_status());
        let report = factory.health_with(&calm()).await;
        assert_eq!(factory.stats(), stats, "nobody sees that it was looked at");
        assert_eq!(factory.statement_times(), times);
        // A connection that was being made for a reader may have come meanwhile.
        let now = factory.pool_status();
        assert_eq!((now.holders, now.waiting), (pool.holders, pool.waiting));
        for report in [show("first", first), show("well", report.clone())] {
            assert_eq!(report.status, Status::Healthy, "{report}");
            is(&report, CheckKind::Connection, Status::Healthy, &[]);
            is(&report, CheckKind::Writable, Status::Healthy, &[]);
            is(&report, CheckKind::PoolUsage, Status::Healthy, &["of 4 are in use"]);
        }
        is(&report, CheckKind::AverageStatement, Status::Healthy, &["statements in the last", ": 30"]);
        is(&report, CheckKind::P99Statement, Status::Healthy, &[]);
        let average = check(&report, CheckKind::AverageStatement).value.unwrap().number;
        assert!(average > 0.0, "{report}");

        let mut took: Vec<_> = Vec::new();
        for _ in 0..50 {
            took.push(factory.health().await.took);
        }
        took.sort();
        println!("a check takes {:?}, the slowest of 50 {:?}\n", took[25], took[49]);
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn an_exhausted_pool_is_told_with_those_who_exhaust_it() {
        let db = test_db().await;
        let factory = start(&db).await;
        let mut releases = readers(&factory, 3).await;
        let report = show("3 of 4 connections", factory.health_with(&calm()).await);
        is(&report, CheckKind::PoolUsage, Status::Degraded, &["3 of 4", "router `read` (tests/suite/health.rs:"]);
        releases.extend(readers(&factory, 1).await);
        let waiting = tokio::spawn({
            let factory = factory.clone();
            async move { readers(&factory, 1).await }
        });
        eventually("one waits", async || factory.pool_status().waiting == 1).await;
        let report = show("an exhausted pool", factory.health_with(&calm()).await);
        is(&report, CheckKind::PoolUsage, Status::Critical, &["4 of 4", "; 1 wait for one"]);
        let pool = check(&report, CheckKind::PoolUsage);
        assert_eq!((pool.value.unwrap().number, pool.threshold.unwrap().number), (100.0, 95.0));
        is(&report, CheckKind::Connection, Status::Healthy, &[]);
        assert_eq!(report.causes().map(|check| check.kind).collect::<Vec<_>>(), [CheckKind::PoolUsage]);

        let looser = calm().levels(CheckKind::PoolUsage, [100.0, 100.0, 100.0]).unwrap();
        let report = factory.health_with(&looser.clone().without(CheckKind::PoolUsage)).await;
        is_skipped(&report, CheckKind::PoolUsage, "left out");
        assert_eq!(report.status, Status::Healthy);
        drop(releases);
        drop(waiting.await.unwrap());
        eventually("all are back", async || factory.pool_status().holders.is_empty()).await;
        assert_eq!(factory.health_with(&looser).await.status, Status::Healthy);
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn statements_that_take_long_are_told() {
        let db = test_db().await;
        let factory = start(&db).await;
        factory.health().await;
        drop(readers(&factory, 1).await);
        let strict = Thresholds::new()
            .levels(CheckKind::AverageStatement, [0.0, 0.001, 1e6]).unwrap()
            .levels(CheckKind::P99Statement, [0.0, 1e6, 1e6]).unwrap();
        let report = show("slow statements", factory.health_with(&strict).await);
        is(&report, CheckKind::AverageStatement, Status::Unhealthy, &["statements in the last", ": 1"]);
        is(&report, CheckKind::P99Statement, Status::Degraded, &[]);
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn rollbacks_are_told() {
        let db = Database::alone().await;
        let factory = start(&db).await;
        let strict = patient().levels(CheckKind::Rollbacks, [20.0, 100.0, 100.0]).unwrap();
        factory.health_with(&strict).await;
        let other = SessionFactory::connect(db.url()).await.unwrap();
        for who in [&factory, &other] {
            for n in 0..30 {
                let result: Result<(), Error> = who.transaction(async |tx| {
                    sqlx::raw_sql(<Database as Counted>::COUNT_AT_ONCE).execute(&mut *tx).await?;
                    if n % 3 == 0 { Ok(()) } else { tx.rollback_only("for the test"); Ok(()) }
                }).await;
                assert_eq!(result.is_ok(), n % 3 == 0, "{result:?}");
            }
        }
        other.close(GRACE).await;
        // On servers those of everybody.
        let counted = if db.url().starts_with("sqlite") { "20 of 30 " } else { "40 of " };
        let last = Mutex::new(None);
        eventually("all are counted", async || {
            let report = factory.health_with(&strict).await;
            let evidence = &check(&report, CheckKind::Rollbacks).evidence;
            let are_all = evidence.first().is_some_and(|evidence| evidence.starts_with(counted));
            *last.lock().unwrap() = Some(report);
            are_all
        })
        .await;
        let report = show("rollbacks", last.into_inner().unwrap().unwrap());
        is(&report, CheckKind::Rollbacks, Status::Degraded, &[counted]);
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn a_closed_factory_connects_to_nobody_and_says_so() {
        let db = test_db().await;
        let factory = start(&db).await;
        factory.close(GRACE).await;
        let report = show("closed", factory.health().await);
        is(&report, CheckKind::Connection, Status::Critical, &["closed"]);
        is_skipped(&report, CheckKind::Writable, "could not be asked");
        assert_eq!(report.status, Status::Critical);
    }

    #[tokio::test]
    async fn probes_get_what_they_are_to_get() {
        let db = test_db().await;
        let factory = start(&db).await;
        let inside = Routes::new(factory.clone())
            .thresholds(calm())
            .max_age(Duration::ZERO)
            .with_evidence();
        let app = axum::Router::new()
            .merge(Routes::new(factory.clone()).thresholds(calm()).max_age(Duration::ZERO).into_router())
            .nest("/inside", inside.into_router());
        let address = serve(app).await;
        for (path, code) in [("/livez", 200), ("/readyz", 200), ("/health", 200)] {
            let (got, head, body) = get(address, path).await;
            assert_eq!((got, &body["status"]), (code, &"pass".into()), "{body}");
            assert!(head.contains("content-type: application/health+json"), "{head}");
            assert!(head.contains("cache-control: no-store"), "{head}");
        }
        let releases = readers(&factory, 4).await;
        for (path, code, status) in [("/livez", 200, "pass"), ("/readyz", 503, "fail"), ("/health", 503, "fail")] {
            let (got, _, body) = get(address, path).await;
            assert_eq!((got, &body["status"]), (code, &status.into()), "{body}");
            let said = body.to_string();
            for secret in ["127.0.0.1", "tests/suite", "read`", "select"] {
                assert!(!said.contains(secret), "`{secret}` is in {said}");
            }
            println!("== GET {path} of an exhausted pool: {got}\n{said}\n");
        }
        let (_, _, body) = get(address, "/inside/health").await;
        assert!(body.to_string().contains("router `read` (tests/suite/health.rs:"), "{body}");
        drop(releases);
        eventually("it is ready again", async || get(address, "/readyz").await.0 == 200).await;
        factory.close(GRACE).await;
        assert_eq!(get(address, "/readyz").await.0, 503, "a program that ends is not ready");
        assert_eq!(get(address, "/livez").await.0, 200);
    }

    #[tokio::test]
    async fn a_monitor_logs_what_it_believes() {
        let db = test_db().await;
        let factory = start(&db).await;
        let (log, _guard) = Log::start();
        let how = Monitor::every(Duration::from_millis(20)).thresholds(calm());
        let monitor = factory.monitor(how, |_| {});
        eventually("it has looked", async || monitor.last().is_some()).await;
        assert!(log.take("demarcate::health").is_empty(), "what is well is for debugging");
        let three = readers(&factory, 3).await;
        eventually("it is degraded", async || monitor.status() == Status::Degraded).await;
        let lines = log.take("demarcate::health");
        assert!(lines.iter().all(|line| line.contains("WARN")) && !lines.is_empty(), "{lines:?}");
        let one = readers(&factory, 1).await;
        eventually("it is critical", async || monitor.status() == Status::Critical).await;
        let lines = Mutex::new(Vec::new());
        eventually("it is told", async || {
            let mut lines = lines.lock().unwrap();
            lines.extend(log.take("ERROR demarcate::health"));
            !lines.is_empty()
        })
        .await;
        let lines = lines.into_inner().unwrap();
        let line = lines.last().unwrap();
        println!("{line}\n");
        for word in ["status=CRITICAL", "pool_usage 100.0 %", "router `read` (tests/suite/health.rs:"] {
            assert!(line.contains(word), "`{word}` is not in: {line}");
        }
        monitor.stop().await;
        drop((three, one));
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn a_monitor_tells_of_changes_and_ends_when_it_should() {
        let db = test_db().await;
        let factory = start(&db).await;
        let (sender, mut changes) = tokio::sync::mpsc::unbounded_channel();
        let how = Monitor::every(Duration::from_millis(20))
            .thresholds(calm())
            .worse_after(3)
            .better_after(5);
        let monitor = factory.monitor(how, move |change| {
            let kinds: Vec<_> = change.causes.iter().map(|check| check.kind).collect();
            sender.send((change.from, change.to, kinds)).ok();
            assert_ne!(change.to, Status::Critical, "a panic ends nothing");
        });
        eventually("it has looked", async || monitor.last().is_some()).await;
        assert_eq!(monitor.status(), Status::Healthy);
        let releases = readers(&factory, 4).await;
        // It may have looked while there were three.
        let mut believed = Status::Healthy;
        while believed != Status::Critical {
            let (from, to, causes) = changes.recv().await.unwrap();
            assert_eq!(from, believed);
            assert_eq!(causes, [CheckKind::PoolUsage]);
            believed = to;
        }
        assert_eq!(monitor.status(), Status::Critical);
        drop(releases);
        while believed != Status::Healthy {
            let (from, to, causes) = changes.recv().await.unwrap();
            assert_eq!((from, causes), (believed, vec![CheckKind::PoolUsage]));
            believed = to;
        }
        monitor.stop().await;
        assert!(changes.recv().await.is_none(), "it has dropped its callback");

        // Closing ends one, and so does the last clone.
        let monitor = factory.monitor(Duration::from_millis(20), |_| {});
        factory.close(GRACE).await;
        eventually("it has ended", async || monitor.is_finished()).await;
        let other = SessionFactory::connect(db.url()).await.unwrap();
        let monitor = other.monitor(Duration::from_millis(20), |_| {});
        eventually("it has looked", async || monitor.last().is_some()).await;
        drop(other);
        eventually("it has ended", async || monitor.is_finished()).await;
    }
}

/// Repeats its tests on both databases that have a server.
macro_rules! on_each_server {
    (@ $name:ident, $tests:ident, $alone:ident, $module:ident, $connection:ident, $($item:item)*) => {
        mod $name {
            use super::*;
            use super::$tests::{hold, start};
            use ::demarcate::$module::SessionFactory;
            use ::demarcate_tests::$alone as alone_db;
            use ::demarcate_tests::$tests as test_db;
            type Database = <sqlx::$connection as Connection>::Database;
            type TestDb = ::demarcate_tests::TestDb<Database>;

            const SCHEME: &str = stringify!($module);

            $($item)*

            /// The same place for a user who may do nothing but log in.
            async fn poor_user(db: &TestDb) -> String {
                let user = format!("u_{}", db.name());
                let (create, grant) = match SCHEME {
                    "mysql" => ("identified by", format!("; grant all on {}.* to {user}", db.name())),
                    _ => ("password", String::new()),
                };
                db.admin(&format!("create user {user} {create} 'hunter2'{grant}")).await;
                let (_, place) = db.own_url().rsplit_once('@').unwrap();
                format!("{SCHEME}://{user}:hunter2@{place}")
            }

            async fn drop_poor_user(db: &TestDb) {
                db.admin(&format!("drop user u_{}", db.name())).await;
            }

            async fn run(connection: &mut sqlx::$connection, sql: &str) -> Result<(), sqlx::Error> {
                sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection).await?;
                Ok(())
            }
        }
    };
    ($($item:item)*) => {
        // It counts by database.
        on_each_server! { @ on_postgres, postgres, postgres, postgres, PgConnection, $($item)* }
        on_each_server! { @ on_mariadb, mariadb, mariadb_alone, mysql, MySqlConnection, $($item)* }
    };
}

on_each_server! {
    /// InnoDB looks at its transactions anew where nobody has read of them for 100 ms: nobody else may look there.
    const LOOKS: Duration = Duration::from_millis(150);

    /// Looks until the check is sick.
    async fn until_sick(factory: &SessionFactory, thresholds: &Thresholds, kind: CheckKind) -> HealthReport {
        for _ in 0..100 {
            let report = factory.health_with(thresholds).await;
            if check(&report, kind).status() > Some(Status::Healthy) {
                return report;
            }
            tokio::time::sleep(LOOKS).await;
        }
        panic!("{}", factory.health_with(thresholds).await);
    }

    /// Runs the router that holds a lock. Dropping what is returned ends it.
    async fn holding(factory: &SessionFactory) -> oneshot::Sender<()> {
        let (held, is_held) = oneshot::channel();
        let (release, released) = oneshot::channel();
        tokio::spawn(hold(factory.clone(), held, released));
        is_held.await.unwrap();
        release
    }

    #[tokio::test]
    async fn a_long_transaction_of_ours_is_named() {
        let db = alone_db().await;
        let factory = start(&db).await;
        let release = holding(&factory).await;
        let kind = CheckKind::LongTransactions;
        let thresholds = soon(kind).levels(CheckKind::IdleInTransaction, [1.0, 100.0, 200.0]).unwrap();
        let report = show("a long transaction of ours", until_sick(&factory, &thresholds, kind).await);
        is(&report, kind, Status::Degraded, &["router `hold` (tests/suite/health.rs:", "open for"]);
        let report = until_sick(&factory, &thresholds, CheckKind::IdleInTransaction).await;
        let words = ["router `hold` (tests/suite/health.rs:", "idle in its transaction for"];
        is(&report, CheckKind::IdleInTransaction, Status::Degraded, &words);
        assert!(!report.to_string().contains("secret"), "{report}");
        drop(release);
        eventually("it has ended", async || {
            tokio::time::sleep(LOOKS).await;
            factory.health_with(&thresholds).await.status == Status::Healthy
        })
        .await;
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn a_long_and_idle_transaction_of_somebody_else_is_told() {
        let db = alone_db().await;
        let factory = start(&db).await;
        let mut foreign = db.connect().await;
        run(&mut foreign, "begin; update items set name = 'secret' where id = 2").await.unwrap();
        let kind = CheckKind::IdleInTransaction;
        let thresholds = soon(kind).levels(CheckKind::LongTransactions, [1.0, 100.0, 200.0]).unwrap();
        let report = show("idle in transaction", until_sick(&factory, &thresholds, kind).await);
        is(&report, kind, Status::Degraded, &["session ", "idle in its transaction for"]);
        is(&report, CheckKind::LongTransactions, Status::Degraded, &["session ", "open for"]);
        assert!(!report.to_string().contains("secret"), "no values: {report}");
        assert!(!report.to_string().contains("router"), "it is nobody of ours: {report}");
        foreign.close().await.unwrap();
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn who_waits_and_on_whom_is_told() {
        let db = alone_db().await;
        let factory = start(&db).await;
        let release = holding(&factory).await;
        let mut foreign = db.connect().await;
        let waiting = tokio::spawn(async move {
            run(&mut foreign, "update items set name = 'other secret' where id = 1").await
        });
        let kind = CheckKind::Blocked;
        let report = show("blocked by a router", until_sick(&factory, &soon(kind), kind).await);
        let words = ["at `update items set name = ? where id = ?` waits for", "on router `hold` (tests/suite/health.rs:"];
        is(&report, kind, Status::Degraded, &words);
        assert!(!report.to_string().contains("secret"), "no values: {report}");
        drop(release);
        waiting.await.unwrap().unwrap();
        eventually("nobody waits", async || {
            tokio::time::sleep(LOOKS).await;
            let report = factory.health_with(&soon(kind)).await;
            check(&report, kind).status() == Some(Status::Healthy)
        })
        .await;
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn deadlocks_are_told() {
        let db = alone_db().await;
        let factory = start(&db).await;
        let first = factory.health().await;
        is_skipped(&first, CheckKind::Deadlocks, "first report");
        let (mut one, mut other) = (db.connect().await, db.connect().await);
        run(&mut one, "begin; update items set name = 'a' where id = 1").await.unwrap();
        run(&mut other, "begin; update items set name = 'b' where id = 2").await.unwrap();
        let (first, second) = tokio::join!(
            run(&mut one, "update items set name = 'a' where id = 2"),
            run(&mut other, "update items set name = 'b' where id = 1"),
        );
        assert!(first.is_err() != second.is_err(), "one of them is the victim");
        one.close().await.unwrap();
        other.close().await.unwrap();
        let kind = CheckKind::Deadlocks;
        let report = show("a deadlock", until_sick(&factory, &Thresholds::new(), kind).await);
        assert!(check(&report, kind).evidence[0].starts_with("1 in the last "), "{report}");
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn a_database_that_is_not_there_is_critical_at_once() {
        let (port, _kept) = silent_port();
        let url = format!("{SCHEME}://u:hunter2@127.0.0.1:{port}/x");
        let factory = SessionFactory::connect_lazy(&url).unwrap();
        let report = show("nobody listens", factory.health().await);
        is(&report, CheckKind::Connection, Status::Critical, &["nobody listens there"]);
        is_skipped(&report, CheckKind::Blocked, "could not be asked");
        assert!(report.took < Duration::from_secs(2), "{report}");
        assert!(!report.to_string().contains("hunter2"), "{report}");
    }

    #[tokio::test]
    async fn a_server_that_never_answers_is_given_up_in_time_and_found_again() {
        let db = test_db().await;
        let (url, state) = door(db.url(), Door::Silent).await;
        let factory = SessionFactory::connect_lazy(&url).unwrap();
        let limit = Duration::from_millis(600);
        let thresholds = calm().timeout(limit).unwrap();
        let in_time = limit + Duration::from_millis(500);
        let took = shortest(in_time, async || {
            let began = Instant::now();
            let report = show("accepts and never answers", factory.health_with(&thresholds).await);
            let took = began.elapsed();
            is(&report, CheckKind::Connection, Status::Critical, &["no answer within"]);
            took
        })
        .await;
        assert!(took < in_time, "{took:?}");
        state.send(Door::HangsUp).unwrap();
        let report = show("accepts and hangs up", factory.health_with(&calm()).await);
        is(&report, CheckKind::Connection, Status::Critical, &["hung up"]);
        state.send(Door::Open).unwrap();
        let report = factory.health_with(&calm()).await;
        is(&report, CheckKind::Connection, Status::Healthy, &[]);
    }

    /// The connection that was asked before is dead without a word, as after a firewall has forgotten it.
    #[tokio::test]
    async fn a_connection_that_died_silently_does_not_condemn_the_server() {
        let db = test_db().await;
        let proxy = Proxy::to(&db).await;
        let factory = SessionFactory::connect(proxy.url()).await.unwrap();
        assert_eq!(factory.health_with(&calm()).await.status, Status::Healthy);
        proxy.half_open(Way::Both);
        let thresholds = calm().timeout(Duration::from_secs(4)).unwrap();
        let report = show("a half-open connection", factory.health_with(&thresholds).await);
        assert_eq!(report.status, Status::Healthy, "{report}");
        proxy.cut();
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn many_probes_are_one_question_and_answered_in_time() {
        let db = test_db().await;
        let proxy = Proxy::to(&db).await;
        let (url, state) = door(proxy.url(), Door::Open).await;
        let factory = SessionFactory::connect(&url).await.unwrap();
        let limit = Duration::from_millis(700);
        let routes = |timeout| {
            let thresholds = calm().timeout(timeout).unwrap();
            Routes::new(factory.clone()).thresholds(thresholds).into_router()
        };
        let app = routes(Duration::from_secs(20)).nest("/in_a_hurry", routes(limit));
        let address = serve(app).await;
        let probe = |path| tokio::spawn(async move { get(address, path).await.0 });
        proxy.forget();
        let began = Instant::now();
        let probes: Vec<_> = (0..200).map(|_| probe("/readyz")).collect();
        for answer in probes {
            assert_eq!(answer.await.unwrap(), 200);
        }
        let asked = proxy.requests().iter().filter(|request| request.contains("_stat")).count();
        println!("200 probes on {SCHEME} asked the server {asked} times\n");
        // As often as an answer has grown too old.
        let most = 2 + began.elapsed().as_secs() as usize / Routes::<Database>::MAX_AGE.as_secs() as usize;
        assert!((1..=most).contains(&asked), "{:?}", proxy.requests());

        // It hangs, and so does every new connection: what is asked does not pile up there.
        state.send(Door::Silent).unwrap();
        proxy.half_open(Way::Both);
        // Two cores make 200 connections, and do other things.
        let in_time = limit * 5;
        let took = shortest(in_time, async || {
            tokio::time::sleep(Routes::<Database>::MAX_AGE).await;
            let began = Instant::now();
            let probes: Vec<_> = (0..200).map(|_| probe("/in_a_hurry/readyz")).collect();
            for answer in probes {
                assert_eq!(answer.await.unwrap(), 503);
            }
            began.elapsed()
        })
        .await;
        assert!(took < in_time, "{took:?}");
        proxy.cut();
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn a_monitor_of_a_slow_server_asks_one_question_at_a_time() {
        let db = test_db().await;
        let proxy = Proxy::to(&db).await;
        let factory = SessionFactory::connect(proxy.url()).await.unwrap();
        factory.health().await;
        proxy.delay(Duration::from_millis(100));
        proxy.forget();
        let connections = proxy.connections();
        let began = Instant::now();
        let monitor = factory.monitor(Duration::from_millis(10), |_| {});
        let asked = || proxy.requests().iter().filter(|request| request.contains("_stat")).count();
        eventually("it has looked twice", async || asked() >= 2).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (asked, time) = (asked(), began.elapsed());
        println!("in {time:?}, due every 10 ms, a monitor of {SCHEME} looked {asked} times at a server that takes 200 ms\n");
        assert!(asked as u128 <= 1 + time.as_millis() / 210, "{:?}", proxy.requests());
        assert_eq!(proxy.connections(), connections, "it has one");
        monitor.stop().await;
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn a_user_without_rights_is_told_what_to_ask_for() {
        let db = alone_db().await;
        start(&db).await.close(GRACE).await;
        let url = poor_user(&db).await;
        let factory = SessionFactory::connect(&url).await.unwrap();
        // Somebody else whom this user may not look at.
        let mut foreign = db.connect().await;
        run(&mut foreign, "begin; select 1").await.unwrap();
        factory.health().await;
        let report = show("a role without rights", factory.health_with(&patient()).await);
        for kind in [CheckKind::LongTransactions, CheckKind::IdleInTransaction, CheckKind::Blocked] {
            is_skipped(&report, kind, "GRANT ");
        }
        assert_eq!(report.status, Status::Healthy, "{report}");
        is(&report, CheckKind::ServerConnections, Status::Healthy, &["connections are in use"]);
        assert_eq!(check(&report, CheckKind::Deadlocks).status(), Some(Status::Healthy), "{report}");
        foreign.close().await.unwrap();
        factory.close(GRACE).await;
        drop_poor_user(&db).await;
    }
}

/// What a probe gets: the code, the head, and the body.
async fn get(address: SocketAddr, path: &str) -> (u16, String, serde_json::Value) {
    let mut client = request(address, &format!("GET {path}")).await;
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, head.to_owned(), serde_json::from_str(body).unwrap())
}

/// A server of one's own: stopped, started, full, read-only, cold, and about to run out of transactions.
#[tokio::test]
async fn a_server_that_is_restarted() {
    let mut server = OwnPostgres::start().await;
    let db = demarcate::postgres::SessionFactory::connect(server.url())
        .await
        .unwrap();
    assert_eq!(db.health_with(&calm()).await.status, Status::Healthy);
    server.stop().await;
    let report = show("stopped", db.health().await);
    is(
        &report,
        CheckKind::Connection,
        Status::Critical,
        &["nobody listens there"],
    );
    server.launch().await;
    let mut seen = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let report = db.health_with(&calm()).await;
        let connection = check(&report, CheckKind::Connection);
        seen.push((report.status, connection.evidence.clone()));
        if report.status == Status::Healthy {
            break;
        }
        assert_eq!(report.status, Status::Critical, "{report}");
        assert!(Instant::now() < deadline, "{report}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    seen.dedup();
    println!("== while it starts\n{seen:#?}\n");
    db.close(GRACE).await;
}

#[tokio::test]
async fn a_server_that_is_full_read_only_cold_or_old() {
    let mut server = OwnPostgres::start().await;
    let db = demarcate::postgres::SessionFactory::connect(server.url())
        .await
        .unwrap();
    db.health().await;

    // 197 of 200 are not reserved.
    let mut others = Vec::new();
    for _ in 0..188 {
        others.push(sqlx::PgConnection::connect(server.url()).await.unwrap());
    }
    let report = show("full", db.health().await);
    is(
        &report,
        CheckKind::ServerConnections,
        Status::Critical,
        &["of 197 connections", "3 more are reserved"],
    );
    drop(others);

    let strict = Thresholds::new()
        .levels(CheckKind::TransactionAge, [1.0, 1e9, 2e9])
        .unwrap();
    let report = show("old", db.health_with(&strict).await);
    is(
        &report,
        CheckKind::TransactionAge,
        Status::Degraded,
        &["in database `"],
    );

    // Too large to be read without being cached for long, and not in the cache after a restart.
    let sql = "create table large as select repeat('x', 1000) as x from generate_series(1, 100000)";
    admin(server.url(), sql).await;
    server.stop().await;
    server.start_again().await;
    let cold = demarcate::postgres::SessionFactory::connect(server.url())
        .await
        .unwrap();
    cold.health().await;
    admin(server.url(), "select count(*) from large").await;
    // What a session has read is counted when it has ended.
    let last = Mutex::new(None);
    eventually("it is counted", async || {
        let report = cold.health().await;
        let is_counted = check(&report, CheckKind::CacheHits).status().is_some();
        *last.lock().unwrap() = Some(report);
        is_counted
    })
    .await;
    let report = show("a cold cache", last.into_inner().unwrap().unwrap());
    let hits = check(&report, CheckKind::CacheHits);
    assert!(hits.status() >= Some(Status::Degraded), "{report}");
    cold.close(GRACE).await;

    admin(
        server.url(),
        "alter database postgres set default_transaction_read_only = on",
    )
    .await;
    let only = demarcate::postgres::SessionFactory::connect(server.url())
        .await
        .unwrap();
    let report = show("read-only", only.health().await);
    is(
        &report,
        CheckKind::Writable,
        Status::Unhealthy,
        &["`default_transaction_read_only` is on"],
    );
    only.close(GRACE).await;
    let reader = demarcate::postgres::SessionFactory::builder()
        .url(server.url())
        .defaults(TxOptions::new().read_only())
        .connect()
        .await
        .unwrap();
    is(
        &reader.health().await,
        CheckKind::Writable,
        Status::Healthy,
        &["`default_transaction_read_only` is on"],
    );
    reader.close(GRACE).await;
    db.close(GRACE).await;

    // A standby whose primary is gone: it has replayed something, and will not get on.
    let directory = admin_text(server.url(), "show data_directory").await;
    server.stop().await;
    std::fs::write(std::path::Path::new(&directory).join("standby.signal"), "").unwrap();
    server.start_again().await;
    let standby = demarcate::postgres::SessionFactory::connect(server.url())
        .await
        .unwrap();
    let report = show("a standby without a primary", standby.health().await);
    is(
        &report,
        CheckKind::Writable,
        Status::Unhealthy,
        &["is a standby"],
    );
    is(
        &report,
        CheckKind::ReplicationLag,
        Status::Unhealthy,
        &["not connected to its primary"],
    );
    standby.close(GRACE).await;
}

async fn admin(url: &str, sql: &'static str) {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn admin_text(url: &str, sql: &'static str) -> String {
    let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
    let text = sqlx::query_scalar(sql)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    text
}

/// What a server refuses to say is not said, and costs no connection each time.
#[tokio::test]
async fn a_server_that_refuses_to_answer_is_degraded() {
    let db = demarcate_tests::postgres().await;
    let user = format!("u_{}", db.name());
    db.admin(&format!(
        "create user {user} password 'hunter2'; revoke select on pg_stat_activity from public"
    ))
    .await;
    let proxy = Proxy::to(&db).await;
    let (_, place) = proxy.url().rsplit_once('@').unwrap();
    let url = format!("postgres://{user}:hunter2@{place}");
    let factory = demarcate::postgres::SessionFactory::connect_lazy(&url).unwrap();
    for _ in 0..3 {
        let report = show("no right to read a view", factory.health().await);
        let words = [
            "`select 1` is answered",
            "permission denied for view pg_stat_activity",
        ];
        is(&report, CheckKind::Connection, Status::Degraded, &words);
        is_skipped(&report, CheckKind::Blocked, "did not answer");
    }
    let connected = proxy
        .requests()
        .iter()
        .filter(|request| *request == "Startup")
        .count();
    assert_eq!(connected, 1, "{:?}", proxy.requests());
    db.admin("grant select on pg_stat_activity to public").await;
    let report = factory.health_with(&calm()).await;
    assert_eq!(report.status, Status::Healthy, "{report}");
    factory.close(GRACE).await;
    db.admin(&format!("drop user {user}")).await;
}

/// A standby that follows, is held up, and follows again.
#[tokio::test]
async fn a_standby_and_its_primary() {
    let server = OwnPostgres::start().await;
    let db = demarcate::postgres::SessionFactory::connect(server.url())
        .await
        .unwrap();
    is_skipped(
        &db.health().await,
        CheckKind::ReplicationLag,
        "no standby is connected",
    );
    let standby = Standby::of(server.url()).await;
    let copy = demarcate::postgres::SessionFactory::connect(&standby.url)
        .await
        .unwrap();
    eventually("it follows", async || {
        check(&db.health().await, CheckKind::ReplicationLag).status() == Some(Status::Healthy)
    })
    .await;
    // From now on it knows when it has replayed a transaction.
    admin(server.url(), "create table written (id integer)").await;
    eventually("it has replayed that", async || {
        admin_text(
            &standby.url,
            "select count(*)::text from pg_class where relname = 'written'",
        )
        .await
            == "1"
    })
    .await;
    let report = show("a primary with a standby", db.health().await);
    is(
        &report,
        CheckKind::ReplicationLag,
        Status::Healthy,
        &["1 connected: ", "streaming"],
    );
    let report = show("a standby", copy.health().await);
    is(
        &report,
        CheckKind::ReplicationLag,
        Status::Healthy,
        &["replayed all"],
    );
    is(
        &report,
        CheckKind::Writable,
        Status::Unhealthy,
        &["is a standby"],
    );

    // After a pause longer than the threshold it is not behind for having something to do again.
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    let strict = Thresholds::new()
        .levels(CheckKind::ReplicationLag, [3.0, 100.0, 200.0])
        .unwrap();
    let writing = tokio::spawn({
        let url = server.url().to_owned();
        // What is written is sent long before it is committed.
        async move {
            admin(
                &url,
                "insert into written select generate_series(1, 400000)",
            )
            .await
        }
    });
    while !writing.is_finished() {
        is(
            &copy.health_with(&strict).await,
            CheckKind::ReplicationLag,
            Status::Healthy,
            &[],
        );
    }

    admin(&standby.url, "select pg_wal_replay_pause()").await;
    admin(
        server.url(),
        "insert into written select generate_series(1, 1000)",
    )
    .await;
    tokio::time::sleep(Duration::from_millis(3_200)).await;
    admin(
        server.url(),
        "insert into written select generate_series(1, 1000)",
    )
    .await;
    let strict = Thresholds::new()
        .levels(CheckKind::ReplicationLag, [3.0, 100.0, 200.0])
        .unwrap();
    let report = show("a standby that is held up", copy.health_with(&strict).await);
    is(
        &report,
        CheckKind::ReplicationLag,
        Status::Degraded,
        // Whichever is more recent: the last report with nothing left to replay, or the last replayed transaction.
        &["lag since ", "the standby", "last", "replayed"],
    );
    admin(&standby.url, "select pg_wal_replay_resume()").await;
    eventually("it has caught up", async || {
        let report = copy.health_with(&strict).await;
        check(&report, CheckKind::ReplicationLag).status() == Some(Status::Healthy)
    })
    .await;
    eventually("the primary has heard of it", async || {
        let report = db.health_with(&strict).await;
        check(&report, CheckKind::ReplicationLag).status() == Some(Status::Healthy)
    })
    .await;
    copy.close(GRACE).await;
    db.close(GRACE).await;
}

/// The replicas that a factory reads from: one that follows, is held up, and stops; and one that is none.
#[tokio::test]
async fn the_replicas_of_a_factory_are_looked_at() {
    let primary = OwnPostgres::start().await;
    admin(primary.url(), "create table written (id int)").await;
    let mut standby = primary.standby().await;
    let connect = async |replica: &str| {
        let builder = demarcate::postgres::SessionFactory::builder().url(primary.url());
        builder.replica(replica).connect().await.unwrap()
    };
    let db = connect(standby.url()).await;
    let strict = patient()
        .levels(CheckKind::Replicas, [2.0, 100.0, 200.0])
        .unwrap();
    eventually("the standby follows", async || {
        let report = db.health_with(&strict).await;
        check(&report, CheckKind::Replicas).status() == Some(Status::Healthy)
    })
    .await;
    let report = show("with a replica", db.health_with(&strict).await);
    is(
        &report,
        CheckKind::Replicas,
        Status::Healthy,
        &["replica 0 is ", " s behind: "],
    );
    assert!(check(&report, CheckKind::Replicas).value.is_some());

    admin(standby.url(), "select pg_wal_replay_pause()").await;
    admin(primary.url(), "insert into written values (1)").await;
    db.health_with(&strict).await;
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    let report = show("with one that is held up", db.health_with(&strict).await);
    is(
        &report,
        CheckKind::Replicas,
        Status::Degraded,
        &["replica 0 is ", "lag since "],
    );

    standby.stop().await;
    let report = show("with one that has stopped", db.health_with(&calm()).await);
    is(
        &report,
        CheckKind::Replicas,
        Status::Degraded,
        &["replica 0 cannot be reached", "nobody listens there"],
    );
    assert_eq!(report.status, Status::Degraded, "the primary serves");
    let off = Thresholds::new().without(CheckKind::Replicas);
    let report = db.health_with(&off).await;
    is_skipped(&report, CheckKind::Replicas, "left out");
    db.close(GRACE).await;

    let none = connect(primary.url()).await;
    let report = show("with one that is none", none.health().await);
    is(
        &report,
        CheckKind::Replicas,
        Status::Degraded,
        &["replica 0 follows no other server"],
    );
    none.close(GRACE).await;

    let db = demarcate_tests::mariadb().await;
    let builder = demarcate::mysql::SessionFactory::builder().url(db.url());
    let factory = builder.replica(db.url()).connect().await.unwrap();
    let report = show("the same of MariaDB", factory.health().await);
    is(
        &report,
        CheckKind::Replicas,
        Status::Degraded,
        &["replica 0 follows no other server"],
    );
    factory.close(GRACE).await;
    let alone = demarcate::mysql::SessionFactory::connect(db.url())
        .await
        .unwrap();
    let report = alone.health().await;
    assert!(report.check(CheckKind::Replicas).is_none(), "{report}");
    alone.close(GRACE).await;
}

/// A copy that follows a server. It ends with this value.
struct Standby {
    url: String,
    directory: std::path::PathBuf,
    server: tokio::process::Child,
}

impl Standby {
    async fn of(primary: &str) -> Self {
        let data = admin_text(primary, "show data_directory").await;
        let data = std::path::Path::new(&data);
        let directory = data.with_file_name("standby");
        let port = free_port().await;
        let (before, _) = primary.rsplit_once('@').unwrap();
        let done = Self::command(data, "pg_basebackup")
            .args([
                "--write-recovery-conf",
                "--checkpoint=fast",
                "--dbname",
                primary,
                "--pgdata",
            ])
            .arg(&directory)
            .status()
            .await
            .unwrap();
        assert!(done.success(), "the primary can be copied");
        let mut server = Self::command(data, "postgres");
        server
            .arg("-D")
            .arg(&directory)
            .args(["-c", &format!("port={port}")]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "max_connections=200",
        ] {
            server.args(["-c", setting]);
        }
        let standby = Self {
            url: format!("{before}@127.0.0.1:{port}/postgres"),
            directory,
            server: server
                .stderr(std::process::Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .unwrap(),
        };
        for _ in 0..1_000 {
            if sqlx::PgConnection::connect(&standby.url).await.is_ok() {
                return standby;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the standby does not start");
    }

    /// As whoever has the files of the primary: a server does not run as root.
    fn command(data: &std::path::Path, program: &str) -> tokio::process::Command {
        use std::os::unix::fs::MetadataExt;
        let owner = std::fs::metadata(data).unwrap();
        let program = xtask::tools::POSTGRESQL.path(program).unwrap();
        let mut command = tokio::process::Command::new(program);
        command.uid(owner.uid()).gid(owner.gid()).current_dir("/");
        command
    }
}

impl Drop for Standby {
    fn drop(&mut self) {
        // Its processes end when the first of them is gone.
        self.server.start_kill().ok();
        std::fs::remove_dir_all(&self.directory).ok();
    }
}

/// The pool has the connections that there are, and the look has none.
#[tokio::test]
async fn a_role_that_has_its_connections() {
    let db = demarcate_tests::postgres().await;
    let user = format!("u_{}", db.name());
    db.admin(&format!(
        "create user {user} password 'hunter2' connection limit 1"
    ))
    .await;
    let (_, place) = db.own_url().rsplit_once('@').unwrap();
    let url = format!("postgres://{user}:hunter2@{place}");
    let factory = demarcate::postgres::SessionFactory::connect(&url)
        .await
        .unwrap();
    let report = show("no further connection", factory.health().await);
    is(
        &report,
        CheckKind::Connection,
        Status::Critical,
        &["as many connections as it may"],
    );
    factory.close(GRACE).await;
    db.admin(&format!("drop user {user}")).await;
}

mod on_sqlite {
    use demarcate::sqlite::SessionFactory;

    use super::*;

    #[tokio::test]
    async fn a_log_that_has_grown_is_told() {
        let db = demarcate_tests::sqlite().await;
        db.admin(&format!("pragma journal_mode = wal; {ITEMS}"))
            .await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let mut reader = db.connect().await;
        sqlx::raw_sql("begin; select * from items")
            .execute(&mut reader)
            .await
            .unwrap();
        for n in 0..20 {
            let rows = format!(
                "insert into items select {n} * 10000 + value, hex(randomblob(16)) from generate_series(1, 2000)"
            );
            let rows = rows.replace(
                "generate_series(1, 2000)",
                "(with recursive s(value) as (select 1 union all select value + 1 from s where value < 2000) select value from s)",
            );
            factory
                .transaction(async |tx| {
                    sqlx::query(AssertSqlSafe(rows)).execute(&mut *tx).await?;
                    Ok::<_, Error>(())
                })
                .await
                .unwrap();
        }
        let strict = Thresholds::new()
            .levels(CheckKind::WalSize, [1e6, 1e9, 2e9])
            .unwrap();
        let report = show("a log that has grown", factory.health_with(&strict).await);
        is(&report, CheckKind::WalSize, Status::Degraded, &[]);
        drop(reader);
        db.admin("pragma wal_checkpoint(truncate)").await;
        is(
            &factory.health_with(&strict).await,
            CheckKind::WalSize,
            Status::Healthy,
            &[],
        );
        factory.close(GRACE).await;
    }

    #[tokio::test]
    async fn a_busy_file_is_told() {
        let db = demarcate_tests::sqlite().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        factory.health().await;
        let mut other = db.connect().await;
        sqlx::raw_sql("begin immediate")
            .execute(&mut other)
            .await
            .unwrap();
        let options = TxOptions::new()
            .lock_timeout(Duration::from_millis(1))
            .retry(1);
        for _ in 0..20 {
            let refused = factory
                .transaction_with(
                    options.clone(),
                    async |tx: &mut demarcate::sqlite::Session| {
                        sqlx::query("insert into items (id) values (1)")
                            .execute(&mut *tx)
                            .await?;
                        Ok::<_, Error>(())
                    },
                )
                .await;
            refused.unwrap_err();
        }
        let report = show("busy", factory.health().await);
        is(
            &report,
            CheckKind::Busy,
            Status::Critical,
            &["runs of boundaries in the last"],
        );
        other.close().await.unwrap();

        let mut other = db.connect().await;
        sqlx::raw_sql("begin exclusive")
            .execute(&mut other)
            .await
            .unwrap();
        let report = show("locked", factory.health().await);
        is(
            &report,
            CheckKind::Busy,
            Status::Critical,
            &["runs of boundaries"],
        );
        is_skipped(&report, CheckKind::WalSize, "locked the whole file");
        let (fresh, thresholds) = (SessionFactory::connect_lazy(db.url()).unwrap(), calm());
        let report = fresh
            .health_with(&thresholds.timeout(Duration::from_millis(400)).unwrap())
            .await;
        is(
            &report,
            CheckKind::Connection,
            Status::Critical,
            &["no answer within"],
        );
        other.close().await.unwrap();
        let report = show("not any more", fresh.health_with(&calm()).await);
        assert_eq!(report.status, Status::Healthy, "{report}");
        let mut other = db.connect().await;
        sqlx::raw_sql("begin exclusive")
            .execute(&mut other)
            .await
            .unwrap();
        let report = show(
            "locked, and nobody of ours has met it",
            fresh.health().await,
        );
        is(
            &report,
            CheckKind::Busy,
            Status::Unhealthy,
            &["not even reading"],
        );
        other.close().await.unwrap();
        factory.close(GRACE).await;
        fresh.close(GRACE).await;
    }

    #[tokio::test]
    async fn a_broken_file_is_critical() {
        let db = demarcate_tests::sqlite().await;
        db.admin(&format!("{ITEMS}; create index by_name on items (name)"))
            .await;
        let rows = "insert into items with recursive s(v) as (select 1 union all select v + 1 from s where v < 5000) \
                    select v, hex(randomblob(16)) from s";
        db.admin(rows).await;
        // A page in the middle, of the table or of its index.
        let path = db.url().strip_prefix("sqlite://").unwrap();
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0xAA);
        std::fs::write(path, bytes).unwrap();
        let factory = SessionFactory::connect(db.url()).await.unwrap();
        let report = show("a broken file", factory.health().await);
        is(&report, CheckKind::Integrity, Status::Critical, &[]);
        factory.close(GRACE).await;

        std::fs::write(path, vec![0x42; 8192]).unwrap();
        let factory = SessionFactory::connect_lazy(db.url()).unwrap();
        let report = show("no database", factory.health().await);
        is(
            &report,
            CheckKind::Connection,
            Status::Critical,
            &["not a database"],
        );
    }

    #[tokio::test]
    async fn a_file_that_is_opened_for_reading_says_so() {
        let db = demarcate_tests::sqlite().await;
        db.admin(ITEMS).await;
        let factory = SessionFactory::connect(&format!("{}?mode=ro", db.url()))
            .await
            .unwrap();
        let report = show("read-only", factory.health().await);
        is(
            &report,
            CheckKind::Writable,
            Status::Unhealthy,
            &["for reading only"],
        );
        factory.close(GRACE).await;
    }

    /// To look at it through a connection of one's own would be to look at another database.
    #[tokio::test]
    async fn a_database_in_memory_is_looked_at_through_its_only_connection() {
        let factory = SessionFactory::connect("sqlite::memory:").await.unwrap();
        factory
            .transaction(async |tx| {
                sqlx::query("create table kept (id integer)")
                    .execute(&mut *tx)
                    .await?;
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let report = show("in memory", factory.health_with(&calm()).await);
        assert_eq!(report.status, Status::Healthy, "{report}");
        factory
            .transaction(async |tx| {
                sqlx::query("select * from kept").execute(&mut *tx).await?;
                let report = show("in memory, and in use", factory.health().await);
                is_skipped(&report, CheckKind::Connection, "in use");
                assert_eq!(report.status, Status::Degraded, "{report}");
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
        let impatient = Thresholds::new().timeout(Duration::from_nanos(1)).unwrap();
        for _ in 0..20 {
            factory.health_with(&impatient).await;
        }
        factory
            .transaction(async |tx| {
                sqlx::query("select * from kept").execute(&mut *tx).await?;
                Ok::<_, Error>(())
            })
            .await
            .expect("the database is still there");
        factory.close(GRACE).await;
    }
}
