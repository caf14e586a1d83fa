//! The control connection of a pool, which cancels statements and asks for the outcome of commits.
//!
//! The connection is opened beside the pool's connections, because this work cannot wait until one of them is free.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, SqlStr};
use tokio::sync::Mutex;

use crate::backend::Backend;
use crate::classify::{Fate, Redacted, classify};
use crate::pool::learned::Learned;
use crate::settings::{Options, Pooler};
use crate::targets;
use crate::util::backoff::doubling;

/// A connection beside those of the pool, opened when it is first needed. It cancels statements whose boundary has
/// ended, and asks for the outcome of a commit whose answer was lost.
pub(crate) struct ControlConnection<DB: Backend> {
    options: Arc<Options<DB>>,
    learned: Arc<Learned>,
    connection: Mutex<Option<DB::Connection>>,
}

impl<DB: Backend> ControlConnection<DB> {
    pub(crate) fn new(options: Arc<Options<DB>>, learned: Arc<Learned>) -> Self {
        Self {
            options,
            learned,
            connection: Mutex::new(None),
        }
    }

    /// Returns the options with which it connects.
    pub(crate) fn options(&self) -> &Options<DB> {
        &self.options
    }

    /// Runs `sql`, and returns the first row of the answer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection; the next call opens another.
    pub(crate) async fn ask(&self, sql: SqlStr) -> Result<Option<DB::Row>, sqlx::Error> {
        let mut held = self.connection.lock().await;
        if let Some(answer) = ask_kept::<DB, _>(&mut held, |connection| connection, &sql).await {
            return answer;
        }
        let mut connection = self.options.connect().await?;
        let row = DB::run_for_row(&mut connection, sql).await?;
        // A pooler in session mode lends a client one of its server connections until the client disconnects. A control
        // connection that stayed open could take the last of them from the pool.
        if self.learned.pooler() != Pooler::Session {
            *held = Some(connection);
        }
        Ok(row)
    }

    /// Sends `order`, which cancels the statement that runs on another connection, and waits a limited time until the
    /// server has received it.
    ///
    /// Returns whether the order is finished. An order without an answer may still arrive, and then cancels whatever
    /// runs on that connection by then. A refusal counts as finished only without a pooler, which may refuse by itself
    /// without asking the server.
    pub(crate) async fn stop(&self, order: SqlStr) -> bool {
        let patience = match self.learned.pooler() {
            Pooler::None => PATIENCE,
            Pooler::Session | Pooler::Transaction => PATIENCE_WITH_A_POOLER,
        };
        match tokio::time::timeout(patience, self.order(order)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(target: targets::POOL, error = %Redacted(&error), "a statement whose boundary has ended could not be stopped: it runs on");
                self.learned.pooler() == Pooler::None && matches!(error, sqlx::Error::Database(_))
            }
            Err(_) => {
                tracing::warn!(
                    target: targets::POOL,
                    "a statement whose boundary has ended could not be stopped within {patience:?}: it runs on"
                );
                false
            }
        }
    }

    /// Sends `order`. If the database answers before the connection is gone
    /// ([`stops_later`](crate::backend::transact::TransactionFacts::stops_later)), repeats it until the server no
    /// longer knows the connection: until then the killed connection counts against the server's limit, so no
    /// replacement is opened before that.
    async fn order(&self, order: SqlStr) -> Result<(), sqlx::Error> {
        for pause in doubling(FIRST_PAUSE, PATIENCE) {
            match self.ask(order.clone()).await {
                Ok(_) if DB::FACTS.stops_later => {}
                Err(error) if DB::FACTS.stops_later && DB::is_gone(&error) => return Ok(()),
                answer => return answer.map(drop),
            }
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Closes the connection, if it is open.
    pub(crate) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // If saying goodbye fails, the server notices the closed socket instead.
            connection.close().await.ok();
        }
    }
}

/// Runs `sql` on a connection that was kept, and returns the first row of the answer. Returns `None`, and drops the
/// connection, if there is none or if it turns out to be lost: it may have died since it was last used.
///
/// After any other error the connection is kept: a new one would give the same error, and no text that is run this way
/// leaves anything open.
///
/// # Cancel safety
///
/// Dropping the future drops the connection.
pub(crate) async fn ask_kept<DB: Backend, C>(
    kept: &mut Option<C>,
    connection: impl Fn(&mut C) -> &mut DB::Connection,
    sql: &SqlStr,
) -> Option<Result<Option<DB::Row>, sqlx::Error>> {
    let mut asked = kept.take()?;
    match DB::run_for_row(connection(&mut asked), sql.clone()).await {
        Err(error) if classify(&error).fate == Fate::Lost => None,
        answer => {
            *kept = Some(asked);
            Some(answer)
        }
    }
}

/// The delay before an order is sent again for the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// How long cancelling a statement may take without a pooler.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long cancelling a statement may take through a pooler. While all connections of the pooler are in use, the order
/// waits for one, and their holders may be waiting for the statement to be cancelled. After this time the
/// statement's own connection is closed instead.
const PATIENCE_WITH_A_POOLER: Duration = Duration::from_millis(500);
