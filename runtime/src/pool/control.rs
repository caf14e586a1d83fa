//! A connection beside the pool, for what cannot wait for one of the pool's.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, SqlStr};
use tokio::sync::Mutex;

use crate::backend::Backend;
use crate::classify::Redacted;
use crate::settings::{Options, Pooler};
use crate::targets;
use crate::util::backoff::doubling;

/// One connection more than the pool has, made when it is needed. It stops statements whose
/// caller has gone, and asks what became of a commit.
pub(crate) struct ControlConnection<DB: Backend> {
    options: Arc<Options<DB>>,
    pooler: Pooler,
    connection: Mutex<Option<DB::Connection>>,
}

impl<DB: Backend> ControlConnection<DB> {
    pub(crate) fn new(options: Arc<Options<DB>>, pooler: Pooler) -> Self {
        Self {
            options,
            pooler,
            connection: Mutex::new(None),
        }
    }

    /// What it connects with.
    pub(crate) fn options(&self) -> &Options<DB> {
        &self.options
    }

    /// Sends one text, and gives the first row of its answer.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it closes the connection; the next call makes another.
    pub(crate) async fn ask(&self, sql: SqlStr) -> Result<Option<DB::Row>, sqlx::Error> {
        let mut held = self.connection.lock().await;
        if let Some(answer) = ask_kept::<DB, _>(&mut held, |connection| connection, &sql).await {
            return answer;
        }
        let mut connection = self.options.connect().await?;
        let row = DB::run_for_row(&mut connection, sql).await?;
        // In session mode a pooler lends it one of its connections for as long as it stays, which may be the one
        // that the pool lacks.
        if self.pooler != Pooler::Session {
            *held = Some(connection);
        }
        Ok(row)
    }

    /// Sends what stops the statement of another connection. It is done with as soon as the server has
    /// the order, and is never waited for long.
    ///
    /// Whether that is the end of it: an order without an answer may be carried out at any time, on
    /// whatever runs on that connection then; and a pooler that says no has not asked the server.
    pub(crate) async fn stop(&self, order: SqlStr) -> bool {
        let patience = match self.pooler {
            Pooler::None => PATIENCE,
            Pooler::Session | Pooler::Transaction => PATIENCE_WITH_A_POOLER,
        };
        match tokio::time::timeout(patience, self.order(order)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                tracing::warn!(target: targets::POOL, error = %Redacted(&error), "a statement whose boundary has ended could not be stopped: it runs on");
                self.pooler == Pooler::None && matches!(error, sqlx::Error::Database(_))
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

    /// Sends it, again and again where that is how to know that it was carried out: a connection that the server still has
    /// is none that another may be made for.
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

    pub(crate) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // The server learns of it this way or the other; there is nobody to tell.
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
/// Dropped, it drops the connection.
pub(crate) async fn ask_kept<DB: Backend, C>(
    kept: &mut Option<C>,
    connection: impl Fn(&mut C) -> &mut DB::Connection,
    sql: &SqlStr,
) -> Option<Result<Option<DB::Row>, sqlx::Error>> {
    let mut asked = kept.take()?;
    match DB::run_for_row(connection(&mut asked), sql.clone()).await {
        Err(error) if DB::is_connection_lost(&error) => None,
        answer => {
            *kept = Some(asked);
            Some(answer)
        }
    }
}

/// How soon an order is sent again.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// How long it may take to have a statement stopped.
const PATIENCE: Duration = Duration::from_secs(2);

/// A pooler whose connections are all in use lets the order wait, and what holds them may be waiting for what
/// is to be stopped. To close the connection is the other way there.
const PATIENCE_WITH_A_POOLER: Duration = Duration::from_millis(500);
