//! The invariants of a boundary, on every database.

mod adversary;
mod anomalies;
mod answers;
mod attributes;
mod boundary;
mod cancellation;
mod classify;
mod closing;
mod comments;
mod connect;
mod connection;
mod copy;
mod door;
mod each;
mod echo;
mod extremes;
mod failure;
mod generic;
mod guard;
mod handler;
mod health;
mod hooks;
mod http;
mod instrument;
mod jobs;
mod locks;
mod meters;
mod migrate;
mod nesting;
mod one_connection;
mod options;
mod outcome;
mod overload;
mod pages;
mod place;
mod pool;
mod pooler;
mod port;
mod reads;
mod replicas;
mod restart;
mod retry;
mod savepoint;
mod schema;
mod session;
mod settings;
mod single;
mod spans;
mod standby;
mod streamed;
mod streams;
mod timeouts;
mod tls;
mod tripwire;
mod two_databases;
mod wire;

use std::time::{Duration, Instant};

use demarcate_tests::{Backend, TestDb};

/// How long a factory that closes waits for what still runs: longer than any of it takes.
const GRACE: Duration = Duration::from_secs(30);

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

/// How long is waited for what happens off the caller's path: other programs use this machine as well.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `check` holds.
async fn eventually<F: Future<Output = bool>>(what: &str, mut check: impl FnMut() -> F) {
    let deadline = Instant::now() + PATIENCE;
    while !check().await {
        let is_late = Instant::now() > deadline;
        assert!(
            !is_late,
            "this did not come about within {PATIENCE:?}: {what}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// How often something is tried that has to be quick once: other programs use this machine as well.
const TRIES: usize = 10;

/// Repeats `run`, which returns how long it took, until that is less than `limit`, and returns the shortest time.
async fn shortest(limit: Duration, mut run: impl AsyncFnMut() -> Duration) -> Duration {
    let mut shortest = Duration::MAX;
    for _ in 0..TRIES {
        shortest = shortest.min(run().await);
        if shortest < limit {
            break;
        }
    }
    shortest
}

/// Waits until a boundary of `factory` has sent a statement in whose text `part` stands, and has no answer yet.
async fn is_running<DB: demarcate::Backend>(factory: &demarcate::SessionFactory<DB>, part: &str) {
    eventually("the statement runs", async || {
        factory.open_boundaries().iter().any(|open| {
            let statement = open.statement.as_deref().unwrap_or_default();
            open.running_for.is_some() && statement.contains(part)
        })
    })
    .await;
}
