//! A connection beside the pool, for what cannot wait for one of the pool's.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{ConnectOptions, Connection, SqlStr};
use tokio::sync::Mutex;

use crate::backend::Backend;

type Options<DB> = <<DB as sqlx::Database>::Connection as Connection>::Options;

/// One connection more than the pool has, made when it is first needed. It stops statements whose
/// caller has gone, and asks what became of a commit.
pub(crate) struct Spare<DB: Backend> {
    options: Arc<Options<DB>>,
    connection: Mutex<Option<DB::Connection>>,
}

impl<DB: Backend> Spare<DB> {
    pub(crate) fn new(options: Arc<Options<DB>>) -> Self {
        Self {
            options,
            connection: Mutex::new(None),
        }
    }

    /// Sends one text, and gives the first row of its answer.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it closes the connection; the next call makes another.
    pub(crate) async fn ask(&self, sql: SqlStr) -> Result<Option<DB::Row>, sqlx::Error> {
        let mut held = self.connection.lock().await;
        if let Some(mut connection) = held.take() {
            // It may have died since it was last used.
            if let Ok(row) = DB::run_for_row(&mut connection, sql.clone()).await {
                *held = Some(connection);
                return Ok(row);
            }
        }
        let mut connection = self.options.connect().await?;
        let row = DB::run_for_row(&mut connection, sql).await?;
        *held = Some(connection);
        Ok(row)
    }

    /// Sends what stops the statement of another connection. It is done with as soon as the server has
    /// the order, and is never waited for long.
    ///
    /// Whether that is the end of it: an order without an answer may be carried out at any time, on
    /// whatever runs on that connection then.
    pub(crate) async fn stop(&self, order: SqlStr) -> bool {
        match tokio::time::timeout(PATIENCE, self.ask(order)).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => {
                tracing::warn!(%error, "a statement whose boundary has ended could not be stopped: it runs on");
                matches!(error, sqlx::Error::Database(_))
            }
            Err(_) => {
                tracing::warn!(
                    "a statement whose boundary has ended could not be stopped within {PATIENCE:?}: it runs on"
                );
                false
            }
        }
    }

    pub(crate) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // The server learns of it this way or the other; there is nobody to tell.
            connection.close().await.ok();
        }
    }
}

/// How long it may take to have a statement stopped.
const PATIENCE: Duration = Duration::from_secs(2);
