//! sqlx by hand: as its README shows it, with the guarantees of a boundary, and tuned.

use std::time::Duration;

use sqlx::pool::PoolOptions;
use sqlx::{MySql, Pool, Postgres, Sqlite, Transaction};

use crate::database::Texts;
use crate::rival::{Failure, POOL, Rival, Work, body};

/// `pool.begin()`, the statements, `commit()`; on an error `rollback()`, which sqlx's `Connection::transaction` waits for too.
pub(crate) struct Default<DB: sqlx::Database>(Pool<DB>);

/// The same, with isolation and timeouts as statements after the begin.
pub(crate) struct Guarded<DB: sqlx::Database>(Pool<DB>);

/// No ping, and the begin folded with isolation and timeouts into one text.
pub(crate) struct Tuned<DB: sqlx::Database>(Pool<DB>);

const AT_MOST: Duration = Duration::from_secs(30);

fn pool<DB: Texts>() -> PoolOptions<DB> {
    PoolOptions::new().max_connections(POOL)
}

/// Commits, or waits for the rollback.
async fn end<DB: sqlx::Database>(
    tx: Transaction<'_, DB>,
    result: Result<(), Failure>,
) -> Result<(), Failure> {
    match result {
        Ok(()) => tx.commit().await?,
        Err(_) => tx.rollback().await?,
    }
    result
}

macro_rules! by_hand {
    ($database:ty) => {
        impl Default<$database> {
            pub(crate) fn new(url: &str) -> Self {
                Self(pool().connect_lazy_with(<$database>::options(url)))
            }
        }

        impl Guarded<$database> {
            pub(crate) fn new(url: &str) -> Self {
                Self(pool().connect_lazy_with(<$database>::options(url)))
            }
        }

        impl Tuned<$database> {
            pub(crate) fn new(url: &str) -> Self {
                let pool = pool().test_before_acquire(false);
                Self(pool.connect_lazy_with(<$database>::options(url)))
            }
        }

        impl Rival for Default<$database> {
            async fn run(&self, work: Work) -> Result<(), Failure> {
                let mut tx = self.0.begin().await?;
                let result = async { body!($database, tx, work) }.await;
                end(tx, result).await
            }
        }

        impl Rival for Guarded<$database> {
            async fn run(&self, work: Work) -> Result<(), Failure> {
                let boundary = async {
                    let mut tx = self.0.begin().await?;
                    for text in <$database>::GUARANTEES {
                        sqlx::raw_sql(*text).execute(&mut *tx).await?;
                    }
                    let result = async { body!($database, tx, work) }.await;
                    end(tx, result).await
                };
                tokio::time::timeout(AT_MOST, boundary).await?
            }
        }

        impl Rival for Tuned<$database> {
            async fn run(&self, work: Work) -> Result<(), Failure> {
                let begin = match work.reads() {
                    true => <$database>::FOLDED_READ_ONLY,
                    false => <$database>::FOLDED,
                };
                let boundary = async {
                    let mut tx = self.0.begin_with(begin).await?;
                    let result = async { body!($database, tx, work) }.await;
                    end(tx, result).await
                };
                tokio::time::timeout(AT_MOST, boundary).await?
            }
        }
    };
}

by_hand!(Postgres);
by_hand!(MySql);
by_hand!(Sqlite);
