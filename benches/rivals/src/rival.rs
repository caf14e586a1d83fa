//! The loads, the trait of those who run them, and the body of a handler.

use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::http;

/// Why a boundary did not commit.
pub(crate) type Failure = Box<dyn Error + Send + Sync>;

/// The largest number of connections of each pool.
pub(crate) const POOL: u32 = 10;

/// The rows that one task writes: no two tasks write the same.
pub(crate) const ROWS_PER_TASK: i32 = 10;

/// One way to write a transaction.
pub(crate) trait Rival: Send + Sync + 'static {
    /// Runs one boundary. What its load declines comes back as [`Declined`], and is rolled back.
    fn run(&self, work: Work) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The same as a handler of axum's, with a load of one write.
    fn router(self: Arc<Self>) -> Router
    where
        Self: Sized,
    {
        http::router(self)
    }
}

/// The work of a handler inside its boundary.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Load {
    /// Updates so many rows.
    Writes(i32),
    /// Waits 5 ms for something else, and then updates one row.
    WaitsFirst,
    /// Updates one row, and returns an error.
    Declines,
    /// Selects one row.
    Reads,
}

/// The load of one boundary, and the row that it begins with.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    pub(crate) load: Load,
    pub(crate) row: i32,
}

/// The wait of [`Load::WaitsFirst`].
pub(crate) const WAIT: Duration = Duration::from_millis(5);

impl Work {
    pub(crate) fn reads(self) -> bool {
        self.load == Load::Reads
    }

    /// The rows to update.
    pub(crate) fn writes(self) -> Range<i32> {
        let count = match self.load {
            Load::Writes(count) => count,
            Load::WaitsFirst | Load::Declines => 1,
            Load::Reads => 0,
        };
        self.row..self.row + count
    }

    pub(crate) async fn wait(self) {
        if self.load == Load::WaitsFirst {
            tokio::time::sleep(WAIT).await;
        }
    }

    /// The result of the handler.
    pub(crate) fn end(self) -> Result<(), Failure> {
        match self.load {
            Load::Declines => Err(Box::new(Declined)),
            _ => Ok(()),
        }
    }
}

/// The error of a handler that declines.
#[derive(Debug)]
pub(crate) struct Declined;

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the handler has declined")
    }
}

impl Error for Declined {}

/// The body of a handler, for everything that executes the queries of sqlx.
macro_rules! body {
    ($database:ty, $transaction:expr, $work:expr) => {{
        let work: $crate::rival::Work = $work;
        work.wait().await;
        for row in work.writes() {
            sqlx::query(<$database as $crate::database::Texts>::UPDATE)
                .bind(row)
                .execute(&mut *$transaction)
                .await?;
        }
        if work.reads() {
            let _: i32 = sqlx::query_scalar(<$database as $crate::database::Texts>::SELECT)
                .bind(work.row)
                .fetch_one(&mut *$transaction)
                .await?;
        }
        work.end()
    }};
}
pub(crate) use body;
