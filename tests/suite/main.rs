//! The invariants of a boundary, on every database.

mod adversary;
mod anomalies;
mod attributes;
mod boundary;
mod cancellation;
mod classify;
mod closing;
mod comments;
mod connect;
mod door;
mod echo;
mod extremes;
mod failure;
mod guard;
mod handler;
mod health;
mod hooks;
mod http;
mod jobs;
mod locks;
mod meters;
mod migrate;
mod nesting;
mod options;
mod outcome;
mod place;
mod pool;
mod pooler;
mod replicas;
mod restart;
mod retry;
mod savepoint;
mod session;
mod settings;
mod spans;
mod standby;
mod timeouts;
mod wire;

use demarcate_tests::{Backend, TestDb};

/// How long a factory that closes waits for what still runs: longer than any of it takes.
const GRACE: std::time::Duration = std::time::Duration::from_secs(30);

/// Listens to what `subscriber` is told on this thread.
///
/// As long as there is one listener in the process, tracing-core 0.1 asks only that of the running thread whether a place
/// in the code is of interest, and keeps the answer for all: of another test's thread, which has none, it is no. With two
/// it asks both.
fn listen(
    subscriber: impl tracing::Subscriber + Send + Sync + 'static,
) -> tracing::subscriber::DefaultGuard {
    static OTHER: std::sync::OnceLock<tracing::Dispatch> = std::sync::OnceLock::new();
    OTHER.get_or_init(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    tracing::subscriber::set_default(subscriber)
}

/// The table that most tests write to.
const ITEMS: &str = "create table items (id bigint primary key, name varchar(40))";

/// How many items are there for everybody to see.
async fn items<DB>(db: &TestDb<DB>) -> i64
where
    DB: Backend,
    i64: for<'r> sqlx::Decode<'r, DB> + sqlx::Type<DB>,
    usize: sqlx::ColumnIndex<DB::Row>,
{
    db.admin_value("select count(*) from items").await
}

/// Waits until `check` holds. What it waits for happens off the caller's path.
async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    for _ in 0..500 {
        if check().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("this did not come about within 5 s: {what}");
}
