//! The program as it is run in production: behind PgBouncer in transaction mode, by many at once, until it is told to end.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use demarcate_tests::{Mode, TestDb};
use futures_util::future::join_all;
use sitemap::{api::Status, client::Client, site::DemoSite};
use sqlx::Postgres;
use tempfile::TempDir;
use url::Url;

use crate::commands::sitemap;

/// How many scans are asked for at once. PgBouncer has two connections to the server.
const SCANS: usize = 24;

/// `sitemap serve`, a process of its own.
struct Served {
    process: Child,
    client: Client,
    db: TestDb<Postgres>,
    _temp: TempDir,
}

impl Served {
    async fn start() -> Self {
        let db = demarcate_tests::postgres().await;
        let pooler = demarcate_tests::pgbouncer(Mode::Transaction, &db).await;
        let temp = tempfile::tempdir().unwrap();
        let mut process = sitemap(&temp)
            .env("DATABASE_URL", pooler)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut shown = BufReader::new(process.stdout.take().unwrap());
        shown.read_line(&mut first).unwrap();
        // It goes on to write there.
        std::thread::spawn(move || std::io::copy(&mut shown, &mut std::io::sink()));
        let url = first.split(' ').find_map(|word| Url::parse(word).ok());
        Self {
            process,
            client: Client::new(&url.unwrap()).unwrap(),
            db,
            _temp: temp,
        }
    }

    fn terminate(&self) {
        let pid = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// The exit code.
    async fn end(mut self) -> (Option<i32>, TestDb<Postgres>) {
        let ended = tokio::task::spawn_blocking(move || (self.process.wait(), self.db)).await;
        let (status, db) = ended.unwrap();
        (status.unwrap().code(), db)
    }
}

/// How many jobs are complete, and how many URLs they have stored.
async fn stored(db: &TestDb<Postgres>) -> (i64, i64) {
    (
        db.admin_value("select count(*) from jobs where status = 'complete'")
            .await,
        db.admin_value("select count(*) from urls").await,
    )
}

#[tokio::test]
async fn many_clients_are_served_through_two_connections() {
    let served = Served::start().await;
    let shop = DemoSite::shop().await.unwrap();
    let scans = join_all((0..SCANS).map(async |_| {
        let accepted = served.client.scan(shop.url().as_str()).await.unwrap();
        let report = served.client.wait(accepted.unwrap().job_id).await.unwrap();
        assert_eq!(
            (report.job.status, report.url_count()),
            (Status::Complete, 31)
        );
    }));
    let health = join_all((0..SCANS).map(async |_| {
        let health = served.client.health().await.unwrap();
        assert_ne!(health.unwrap().status, "fail");
    }));
    futures_util::future::join(scans, health).await;
    served.terminate();
    let (code, db) = served.end().await;
    assert_eq!(code, Some(0));
    assert_eq!(stored(&db).await, (24, 24 * 31));
}

/// What was asked for before is answered, what it has started comes to its end, and nothing new is taken.
#[tokio::test]
async fn told_to_end_it_ends_what_it_has_begun() {
    let mut served = Served::start().await;
    let shop = DemoSite::shop().await.unwrap();
    // No request can store its job.
    let mut in_the_way = served.db.connect().await;
    sqlx::raw_sql("begin; lock table jobs in share row exclusive mode")
        .execute(&mut in_the_way)
        .await
        .unwrap();
    let asked = tokio::spawn({
        let (client, url) = (served.client.clone(), shop.url().to_string());
        async move { join_all((0..4).map(|_| client.scan(&url))).await }
    });
    let waiting = "select count(*) from pg_locks join pg_database on pg_database.oid = database \
                   where datname = current_database() and not granted";
    while served.db.admin_value::<i64>(waiting).await < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    served.terminate();
    let told = Instant::now();
    while served.client.health().await.is_ok() {
        assert!(told.elapsed() < Duration::from_secs(5), "it goes on");
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!asked.is_finished() && served.process.try_wait().unwrap().is_none());
    sqlx::raw_sql("commit")
        .execute(&mut in_the_way)
        .await
        .unwrap();
    for answer in asked.await.unwrap() {
        answer.unwrap().unwrap();
    }
    let (code, db) = served.end().await;
    assert_eq!(code, Some(0));
    assert_eq!(stored(&db).await, (4, 4 * 31));
}
