//! Test support: databases on real servers, which the tests start by themselves.
//!
//! A test asks for a database and gets one that is empty, on a server that all test processes of this workspace share:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let db = demarcate_tests::sqlite().await; // or `postgres()`, or `mariadb()`
//! db.admin("create table orders (id int)").await;
//! let mut connection = db.connect().await;
//! # let _: &mut sqlx::SqliteConnection = &mut connection;
//! # }
//! ```
//!
//! Nothing has to be started before, and nothing stopped after. The first test process starts a server, in the
//! target directory and on a free port; a keeper stops it and removes its data two minutes after the last process that
//! used it is gone, however that went. `cargo xtask test` does not wait for that.
//!
//! A [`proxy`] can read and count the messages between a test and its server, and break the connection. A [`mod@line`] to a
//! server is only long.
//!
//! A further server is a `daemon::Daemon`: what to write before it starts, its command line, and a question that it
//! answers once it runs.

mod account;
mod admin;
mod backend;
mod daemon;
mod every_database;
#[cfg(any(test, doctest))]
pub mod guide;
mod instance;
pub mod line;
mod mariadb;
mod own_mariadb;
mod own_postgres;
mod own_server;
mod pgbouncer;
mod postgres;
pub mod proxy;
mod say;
mod server;
mod sqlite;
mod test_db;
#[cfg(test)]
mod tests;

pub use backend::Backend;
pub use own_mariadb::OwnMariaDb;
pub use own_postgres::OwnPostgres;
pub use pgbouncer::Mode;
pub use test_db::TestDb;

/// Creates a database on PostgreSQL.
///
/// # Panics
///
/// Where PostgreSQL is not installed or does not start.
pub async fn postgres() -> TestDb<sqlx::Postgres> {
    pgbouncer::check_not_apart();
    TestDb::create().await
}

/// Returns the URL at which a database on PostgreSQL is reached through PgBouncer, which has two connections to it.
///
/// # Panics
///
/// Where PgBouncer is not installed or does not start.
pub async fn pgbouncer(mode: Mode, db: &TestDb<sqlx::Postgres>) -> String {
    let name = db.name().to_owned();
    match admin::run(async move { pgbouncer::url(mode, &name).await }).await {
        Ok(url) => url,
        Err(message) => panic!("no PgBouncer for this test: {message}"),
    }
}

/// Creates a database on MariaDB, which is the MySQL of these tests.
///
/// # Panics
///
/// Where MariaDB is not installed or does not start.
pub async fn mariadb() -> TestDb<sqlx::MySql> {
    TestDb::create().await
}

/// Creates a database on a MariaDB of its own. Many of MariaDB's counters are for the whole server, so on the shared
/// one they include all other tests.
///
/// # Panics
///
/// Where MariaDB is not installed or does not start.
pub async fn mariadb_alone() -> TestDb<sqlx::MySql> {
    let server = OwnMariaDb::start().await;
    let url = server.url().to_owned();
    TestDb::of(server, url, OwnMariaDb::DATABASE)
}

/// Creates a database in a file, for SQLite.
///
/// # Panics
///
/// Where the file cannot be created.
pub async fn sqlite() -> TestDb<sqlx::Sqlite> {
    TestDb::create().await
}

/// Runs the code of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub mod readme {}

/// Runs the code of the guide to health.
#[cfg(doctest)]
#[doc = include_str!("../../docs/health.md")]
pub mod health {}

/// Runs the code of the guide to telemetry.
#[cfg(doctest)]
#[doc = include_str!("../../docs/telemetry.md")]
pub mod telemetry {}

#[cfg(doctest)]
#[allow(non_snake_case, reason = "a module for each code of a rule")]
pub mod pages;
