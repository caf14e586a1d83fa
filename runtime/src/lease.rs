//! A connection while a transaction runs on it.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::backend::Backend;
use crate::options::TxOptions;
use crate::pool::Connection;

/// What is open on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing: it may go back to the pool as it is.
    Clean,
    /// A transaction.
    Open,
    /// A transaction, or the begin or end of one, and an answer that was not read to its end.
    Busy,
}

/// Sees that the connection goes back to the pool clean, or not at all.
///
/// This is the one place that decides what becomes of a connection when its boundary ends early: by
/// an error, a panic, a timeout, a client that went away. `Drop` cannot wait, so that it only starts
/// the rollback, on a task of its own; until that is done, nobody else is lent the connection.
pub(crate) struct Lease<DB: Backend> {
    connection: Option<Connection<DB>>,
    state: State,
    options: TxOptions,
}

/// How long a rollback may take before its connection is closed instead. It waits for a statement that
/// still runs.
const ROLLBACK_LIMIT: Duration = Duration::from_secs(5);

impl<DB: Backend> Lease<DB> {
    /// The lease of a connection on which a transaction is about to be begun.
    pub(crate) fn new(connection: Connection<DB>, options: TxOptions) -> Self {
        Self {
            connection: Some(connection),
            state: State::Busy,
            options,
        }
    }

    /// The connection, and its state: the caller sets it to [`State::Busy`] before it sends anything,
    /// and to the truth when the answer has been read to its end.
    pub(crate) fn parts(&mut self) -> (&mut DB::Connection, &mut State) {
        let connection = self
            .connection
            .as_mut()
            .expect("a lease holds its connection until it ends");
        (connection, &mut self.state)
    }

    pub(crate) fn state(&self) -> State {
        self.state
    }

    /// Closes the connection. The server rolls back what is open on it.
    pub(crate) fn discard(mut self) {
        drop(self.connection.take());
    }
}

impl<DB: Backend> Drop for Lease<DB> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if self.state == State::Clean {
            return connection.give_back();
        }
        // Outside a runtime nothing can be sent any more: dropped, the connection closes its socket.
        if let Ok(runtime) = Handle::try_current() {
            let options = std::mem::take(&mut self.options);
            runtime.spawn(roll_back(connection, options, self.state == State::Busy));
        }
    }
}

/// Rolls back and gives the connection to the pool. Dropped or failed half-way, it closes it.
async fn roll_back<DB: Backend>(mut connection: Connection<DB>, options: TxOptions, busy: bool) {
    let rolled_back = DB::roll_back(&mut connection, options, busy);
    match tokio::time::timeout(ROLLBACK_LIMIT, rolled_back).await {
        Ok(Ok(())) => connection.give_back(),
        Ok(Err(error)) => {
            tracing::debug!(%error, "connection closed: it could not be rolled back");
        }
        Err(_) => tracing::warn!(
            limit = ?ROLLBACK_LIMIT,
            "connection closed: a statement still ran when its boundary had ended",
        ),
    }
}
