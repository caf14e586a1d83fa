//! What it costs to be watched, and to be always ready for it: `cargo bench -p demarcate-benches --bench watch`.
//!
//! One boundary of one service and one statement, on SQLite in memory, where nothing else takes long; and the same by hand
//! with sqlx, which is told to nobody. All of them take turns in one run, so that a machine that is busy is so for each;
//! what is printed is the median and its ratio to the work by hand. Then the same on PostgreSQL, over loopback. It is a
//! measurement and not a test.

use std::time::{Duration, Instant};

use demarcate::postgres;
use demarcate::{Error, service, sqlite};
use metrics_exporter_prometheus::PrometheusBuilder;
use sqlx::Executor;
use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Registry, filter::LevelFilter};

const ROUNDS: usize = 4_000;
const AT_ONCE: usize = 20;

#[service]
async fn on_sqlite(tx: &mut sqlite::Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 6 * 7").fetch_one(&mut *tx).await
}

#[service]
async fn on_postgres(tx: &mut postgres::Session) -> Result<i32, sqlx::Error> {
    sqlx::query_scalar("select 6 * 7").fetch_one(&mut *tx).await
}

/// Who listens.
#[derive(Clone, Copy, PartialEq)]
enum Listener {
    Nobody,
    /// A subscriber that wants nothing.
    Off,
    /// Boundaries and services.
    Info,
    /// Statements as well.
    Debug,
    Prometheus,
}

impl Listener {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Nobody, "nobody listens"),
        (Self::Off, "a subscriber that wants nothing"),
        (Self::Info, "spans of boundaries and services"),
        (Self::Debug, "and of statements"),
        (Self::Prometheus, "metrics for Prometheus"),
    ];

    fn dispatch(self) -> Dispatch {
        match self {
            Self::Nobody | Self::Prometheus => Dispatch::none(),
            Self::Off => Dispatch::new(Registry::default().with(LevelFilter::OFF)),
            Self::Info => Dispatch::new(Registry::default().with(LevelFilter::INFO)),
            Self::Debug => Dispatch::new(Registry::default().with(LevelFilter::DEBUG)),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let db = sqlite::SessionFactory::connect("sqlite::memory:")
        .await
        .unwrap();
    let pool = sqlx::sqlite::SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .connect("sqlite::memory:")
        .await
        .unwrap();
    let ours = async || {
        let answer =
            db.transaction(async |tx: &mut sqlite::Session| Ok::<_, Error>(on_sqlite(tx).await?));
        assert_eq!(answer.await.unwrap(), 42);
    };
    let by_hand = async || {
        let mut tx = pool.begin_with("begin immediate").await.unwrap();
        let answer: i64 = sqlx::query_scalar("select 6 * 7")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(answer, 42);
    };
    compare("SQLite in memory", ours, by_hand).await;

    let server = demarcate_tests::postgres().await;
    let db = postgres::SessionFactory::connect(server.url())
        .await
        .unwrap();
    let pool = sqlx::postgres::PgPoolOptions::new()
        .connect(server.url())
        .await
        .unwrap();
    let ours = async || {
        let answer = db
            .transaction(async |tx: &mut postgres::Session| Ok::<_, Error>(on_postgres(tx).await?));
        assert_eq!(answer.await.unwrap(), 42);
    };
    let by_hand = async || {
        let mut tx = pool.begin().await.unwrap();
        let answer: i32 = sqlx::query_scalar("select 6 * 7")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(answer, 42);
    };
    compare("PostgreSQL over loopback", ours, by_hand).await;
    pool.execute("select 1").await.unwrap();
    pool.close().await;
    db.close(Duration::from_secs(10)).await;
}

async fn compare(title: &str, ours: impl AsyncFn(), by_hand: impl AsyncFn()) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let dispatches = Listener::ALL.map(|(listener, _)| listener.dispatch());
    let mut times = [const { Vec::new() }; Listener::ALL.len()];
    let mut hand = Vec::new();
    for _ in 0..ROUNDS / AT_ONCE {
        hand.push(time(&by_hand).await);
        for (n, (listener, _)) in Listener::ALL.into_iter().enumerate() {
            let _hears = tracing::dispatcher::set_default(&dispatches[n]);
            let _counts = (listener == Listener::Prometheus)
                .then(|| metrics::set_default_local_recorder(&recorder));
            times[n].push(time(&ours).await);
        }
    }
    let hand = median(hand);
    println!("{title}\n  {:<36} {:>8.2} µs", "by hand", hand);
    for (times, (_, name)) in times.into_iter().zip(Listener::ALL) {
        let ours = median(times);
        println!(
            "  {name:<36} {ours:>8.2} µs   {:.2} of that by hand",
            ours / hand
        );
    }
}

/// Microseconds for each of a few.
async fn time(work: &impl AsyncFn()) -> f64 {
    let start = Instant::now();
    for _ in 0..AT_ONCE {
        work().await;
    }
    start.elapsed().as_secs_f64() * 1e6 / AT_ONCE as f64
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
