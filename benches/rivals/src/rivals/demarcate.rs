//! demarcate: on its own pool, with isolation and timeouts, and on a pool of sqlx's.

use std::time::Duration;

use demarcate::{Isolation, SessionFactory, TxOptions};
use sqlx::pool::PoolOptions;
use sqlx::{MySql, Postgres, Sqlite};

use crate::database::Texts;
use crate::rival::{Failure, POOL, Rival, Work, body};

pub(crate) struct Demarcate<DB: demarcate::Backend> {
    db: SessionFactory<DB>,
    options: fn() -> TxOptions,
}

/// All tasks of the longest row wait, since the pools of the others let them.
const WAITING: usize = 1_000;

/// The options for the same guarantees as [`Texts::GUARANTEES`].
fn guarded() -> TxOptions {
    TxOptions::new()
        .isolation(Isolation::ReadCommitted)
        .statement_timeout(Duration::from_secs(30))
        .lock_timeout(Duration::from_secs(10))
}

/// SQLite has one level, and stops no statement by itself.
fn guarded_on_sqlite() -> TxOptions {
    TxOptions::new().lock_timeout(Duration::from_secs(10))
}

/// The options of a boundary that reads. MySQL and MariaDB keep a snapshot for a whole transaction unless they are told not
/// to; SQLite always does.
fn reading<DB: demarcate::Backend>(options: TxOptions) -> TxOptions {
    match DB::NAME {
        "SQLite" => options.read_only(),
        _ => options.read_only().isolation(Isolation::ReadCommitted),
    }
}

macro_rules! demarcate {
    ($database:ty, $guarded:expr) => {
        impl Demarcate<$database> {
            pub(crate) async fn connect(url: &str) -> Self {
                let db = SessionFactory::<$database>::builder()
                    .options(<$database>::options(url))
                    .max_connections(POOL as usize)
                    .max_waiting(WAITING);
                Self {
                    db: db.connect().await.expect("a server that was started here"),
                    options: TxOptions::new,
                }
            }

            pub(crate) async fn guarded(url: &str) -> Self {
                let mut connected = Self::connect(url).await;
                connected.options = $guarded;
                connected
            }

            pub(crate) async fn single(url: &str) -> Self {
                let mut connected = Self::connect(url).await;
                connected.options = || TxOptions::new().single_statement();
                connected
            }

            pub(crate) fn from_pool(url: &str) -> Self {
                let pool = PoolOptions::<$database>::new().max_connections(POOL);
                let pool = pool.connect_lazy_with(<$database>::options(url));
                let db = SessionFactory::<$database>::builder()
                    .pool(pool)
                    .max_waiting(WAITING);
                Self {
                    db: db.connect_lazy().expect("a pool that was made here"),
                    options: TxOptions::new,
                }
            }
        }

        impl Rival for Demarcate<$database> {
            async fn run(&self, work: Work) -> Result<(), Failure> {
                let mut options = (self.options)();
                if work.reads() {
                    options = reading::<$database>(options);
                }
                self.db
                    .transaction_with(options, async |tx: &mut demarcate::Session<$database>| {
                        body!($database, tx, work)
                    })
                    .await
            }
        }
    };
}

demarcate!(Postgres, guarded);
demarcate!(MySql, guarded);
demarcate!(Sqlite, guarded_on_sqlite);
