//! Growth: what a statement or a boundary costs where there are many of them.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use demarcate::postgres::{Session, SessionFactory};
use demarcate::{Error, TxOptions, service};
use sqlx::postgres::PgPoolOptions;
use sqlx::{PgPool, Postgres};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::database::Texts;
use crate::measure::processor_time;
use crate::rival::POOL;

/// A table: how many there are, and what each costs.
pub(crate) struct Growth {
    pub(crate) name: &'static str,
    /// The name of what the rows count.
    pub(crate) of: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) rows: Vec<Grown>,
}

/// A row of it.
pub(crate) struct Grown {
    pub(crate) count: usize,
    pub(crate) ours: f64,
    pub(crate) by_hand: Option<f64>,
}

/// The most boundaries that wait.
const MOST: usize = 10_000;

/// As often as a figure is taken. The least counts: whatever else the machine does adds to it.
const ROUNDS: usize = 3;

/// Measures all tables on the PostgreSQL at `url`.
pub(crate) async fn measure(url: &str) -> Vec<Growth> {
    let db = SessionFactory::builder()
        .url(url)
        .max_connections(POOL as usize)
        .max_waiting(MOST);
    let db = db.connect().await.expect("a server that was started here");
    let pool = PgPoolOptions::new()
        .max_connections(POOL)
        .acquire_timeout(Duration::from_secs(120))
        .connect(url)
        .await
        .expect("a server that was started here");
    let memory = memory(&db, &pool).await;
    vec![
        memory,
        statements(&db, &pool).await,
        waiting(&db, &pool).await,
        services(&db).await,
        registered(&db).await,
    ]
}

const ROW: &str = "a row that was inserted here";

async fn read(tx: &mut Session) -> Result<(), Error> {
    let read = sqlx::query_scalar::<_, i32>(Postgres::SELECT).bind(1);
    read.fetch_one(&mut *tx).await?;
    Ok(())
}

async fn read_by_hand(tx: &mut sqlx::PgConnection) {
    let read = sqlx::query_scalar::<_, i32>(Postgres::SELECT).bind(1);
    read.fetch_one(tx).await.expect(ROW);
}

/// Returns the least processor time, in microseconds, of one of the `count` things that `run` does, which is repeated.
async fn least(count: usize, run: impl AsyncFn()) -> f64 {
    let repeats = (2_000 / count).max(1);
    let mut least = f64::MAX;
    for _ in 0..ROUNDS {
        let before = processor_time();
        for _ in 0..repeats {
            run().await;
        }
        let took = (processor_time() - before).as_secs_f64() * 1e6;
        least = least.min(took / (repeats * count) as f64);
    }
    least
}

async fn statements(db: &SessionFactory, pool: &PgPool) -> Growth {
    let mut rows = Vec::new();
    for count in [1, 10, 100, 1_000, 10_000] {
        let ours = async || {
            let boundary = db.transaction(async |tx| {
                for _ in 0..count {
                    read(tx).await?;
                }
                Ok::<_, Error>(())
            });
            boundary.await.expect(ROW);
        };
        let by_hand = async || {
            let mut tx = pool.begin().await.expect("a connection");
            for _ in 0..count {
                read_by_hand(&mut tx).await;
            }
            tx.commit().await.expect("a commit");
        };
        rows.push(Grown {
            count,
            ours: least(count, ours).await,
            by_hand: Some(least(count, by_hand).await),
        });
    }
    Growth {
        name: "Statements in one boundary",
        of: "statements",
        unit: "microseconds of processor time for each",
        rows,
    }
}

async fn waiting(db: &SessionFactory, pool: &PgPool) -> Growth {
    let mut rows = Vec::new();
    for count in [1, 10, 100, 1_000, MOST] {
        let ours = async || {
            let mut tasks = JoinSet::new();
            for _ in 0..count {
                let db = db.clone();
                tasks.spawn(async move { db.transaction(async |tx| read(tx).await).await });
            }
            for done in tasks.join_all().await {
                done.expect(ROW);
            }
        };
        let by_hand = async || {
            let mut tasks = JoinSet::new();
            for _ in 0..count {
                let pool = pool.clone();
                tasks.spawn(async move {
                    let mut tx = pool.begin().await.expect("a connection");
                    read_by_hand(&mut tx).await;
                    tx.commit().await.expect("a commit");
                });
            }
            tasks.join_all().await;
        };
        rows.push(Grown {
            count,
            ours: least(count, ours).await,
            by_hand: Some(least(count, by_hand).await),
        });
    }
    Growth {
        name: "Boundaries at once, on a pool of ten",
        of: "boundaries",
        unit: "microseconds of processor time for each",
        rows,
    }
}

/// Calls itself so often, and then sends a statement.
#[service]
async fn deep(tx: &mut Session, depth: usize) -> Result<(), Error> {
    match depth {
        0 => read(tx).await,
        depth => Box::pin(deep(tx, depth - 1)).await,
    }
}

async fn services(db: &SessionFactory) -> Growth {
    let mut rows = Vec::new();
    for count in [1, 10, 100] {
        let ours = async || {
            let boundary = db.transaction(async |tx| deep(tx, count).await);
            boundary.await.expect(ROW);
        };
        let whole = least(1, ours).await;
        rows.push(Grown {
            count,
            ours: whole,
            by_hand: None,
        });
    }
    Growth {
        name: "Services that call each other, and one statement",
        of: "services",
        unit: "microseconds of processor time for the boundary",
        rows,
    }
}

async fn registered(db: &SessionFactory) -> Growth {
    let mut rows = Vec::new();
    for count in [1, 10, 100, 2_000] {
        let names: Vec<&'static str> = (0..count)
            .map(|name| &*format!("boundary_{name}").leak())
            .collect();
        let ours = async || {
            for at in 0..2_000 {
                let options = TxOptions::new().name(names[at % count]);
                let boundary =
                    db.transaction_with(options, async |_: &mut Session| Ok::<_, Error>(()));
                boundary.await.expect("a boundary that sends nothing");
            }
        };
        rows.push(Grown {
            count,
            ours: least(2_000, ours).await,
            by_hand: None,
        });
    }
    Growth {
        name: "Boundaries of different names that send nothing",
        of: "names",
        unit: "microseconds of processor time for each",
        rows,
    }
}

/// Returns how much memory the process has, in bytes.
fn resident() -> f64 {
    const PAGE: f64 = 4_096.0;
    let file = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = file
        .split_whitespace()
        .nth(1)
        .and_then(|it| it.parse().ok());
    pages.unwrap_or(0.0) * PAGE
}

/// Lets boundaries wait behind ten that hold the connections.
async fn memory(db: &SessionFactory, pool: &PgPool) -> Growth {
    let mut rows = Vec::new();
    for count in [1_000, MOST] {
        let gate = Arc::new(Semaphore::new(0));
        let before = resident();
        let mut tasks = JoinSet::new();
        for _ in 0..count + POOL as usize {
            let (db, gate) = (db.clone(), Arc::clone(&gate));
            tasks.spawn(async move {
                let boundary = db.transaction(async |tx| {
                    read(tx).await?;
                    let _open = gate.acquire().await;
                    Ok::<_, Error>(())
                });
                boundary.await.expect(ROW);
            });
        }
        while db.pool_status().waiting < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let ours = (resident() - before) / count as f64;
        gate.add_permits(MOST * 2);
        tasks.join_all().await;

        let gate = Arc::new(Semaphore::new(0));
        let before = resident();
        let mut tasks = JoinSet::new();
        for _ in 0..count + POOL as usize {
            let (pool, gate) = (pool.clone(), Arc::clone(&gate));
            tasks.spawn(async move {
                let mut tx = pool.begin().await.expect("a connection");
                read_by_hand(&mut tx).await;
                let _open = gate.acquire().await;
                tx.commit().await.expect("a commit");
            });
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let by_hand = (resident() - before) / count as f64;
        gate.add_permits(MOST * 2);
        tasks.join_all().await;
        rows.push(Grown {
            count,
            ours,
            by_hand: Some(by_hand.max(0.0)),
        });
    }
    Growth {
        name: "Boundaries that wait for a connection, with their tasks",
        of: "boundaries",
        unit: "bytes of memory for each, what was freed before not counted",
        rows,
    }
}
