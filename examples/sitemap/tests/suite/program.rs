//! The program, served for one test.

use std::{net::Ipv4Addr, sync::OnceLock};

use demarcate::BoundaryStats;
use demarcate_tests::{Mode, TestDb};
use sitemap::{
    client::Client,
    crawl::{Crawler, Limits},
    database::Database,
    limit::ScanLimit,
    metrics::Metrics,
    server::Server,
};

/// The program, and what a test looks at it with.
pub(crate) struct Program {
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) database: Database,
    // The last, since it is dropped last: the program is connected to it.
    pub(crate) tables: Tables,
}

/// The tables, past the program.
pub(crate) enum Tables {
    Sqlite(TestDb<sqlx::Sqlite>),
    Postgres(TestDb<sqlx::Postgres>),
}

impl Program {
    pub(crate) async fn on_sqlite() -> Self {
        Self::on(Tables::Sqlite(demarcate_tests::sqlite().await)).await
    }

    pub(crate) async fn on_postgres() -> Self {
        Self::on(Tables::Postgres(demarcate_tests::postgres().await)).await
    }

    /// With PgBouncer in between, in transaction mode.
    pub(crate) async fn behind_a_pooler() -> Self {
        let db = demarcate_tests::postgres().await;
        let url = demarcate_tests::pgbouncer(Mode::Transaction, &db).await;
        Self::at(&url, Tables::Postgres(db)).await
    }

    async fn on(tables: Tables) -> Self {
        let url = tables.url().to_owned();
        Self::at(&url, tables).await
    }

    async fn at(url: &str, tables: Tables) -> Self {
        metrics();
        let database = Database::open(Some(url)).await.unwrap();
        let server = serve(&database, ScanLimit::default()).await;
        Self {
            client: Client::new(server.url()).unwrap(),
            server,
            database,
            tables,
        }
    }

    /// What a boundary did; nothing, if it never ran.
    pub(crate) fn boundary(&self, name: &str) -> BoundaryStats {
        let stats = self.database.stats();
        let of_that_name = stats.iter().filter(|(site, _)| site.name() == name);
        // A job is counted beside the boundary that records its failure.
        of_that_name
            .max_by_key(|(_, stats)| stats.committed + stats.rolled_back)
            .map(|(_, stats)| stats.clone())
            .unwrap_or_default()
    }

    /// Its commits and rollbacks.
    pub(crate) fn ended(&self, name: &str) -> (u64, u64) {
        let stats = self.boundary(name);
        (stats.committed, stats.rolled_back)
    }
}

/// Serves the program on a database.
pub(crate) async fn serve(database: &Database, scans: ScanLimit) -> Server {
    let crawler = Crawler::new(Limits::default()).unwrap();
    let router = database.router(crawler, scans, metrics());
    let server = Server::start((Ipv4Addr::LOCALHOST, 0).into(), router);
    server.await.unwrap()
}

/// The metrics of all programs of this process.
fn metrics() -> Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| Metrics::install().unwrap()).clone()
}

impl Tables {
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Sqlite(db) => db.url(),
            Self::Postgres(db) => db.url(),
        }
    }

    pub(crate) async fn run(&self, sql: &str) {
        match self {
            Self::Sqlite(db) => db.admin(sql).await,
            Self::Postgres(db) => db.admin(sql).await,
        };
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        match self {
            Self::Sqlite(db) => db.admin_value(sql).await,
            Self::Postgres(db) => db.admin_value(sql).await,
        }
    }

    /// How many batches, jobs, domains, files and URLs are stored.
    pub(crate) async fn rows(&self) -> [i64; 5] {
        let mut rows = [0; 5];
        let tables = ["batches", "jobs", "domains", "sitemap_files", "urls"];
        for (rows, table) in rows.iter_mut().zip(tables) {
            *rows = self.number(&format!("select count(*) from {table}")).await;
        }
        rows
    }
}
