//! A connection while a transaction runs on it.

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
    /// Something outlives the transaction on the server's session.
    is_tainted: bool,
    options: TxOptions,
}

impl<DB: Backend> Lease<DB> {
    /// The lease of a connection on which a transaction is about to be begun.
    pub(crate) fn new(connection: Connection<DB>, options: TxOptions) -> Self {
        Self {
            connection: Some(connection),
            state: State::Busy,
            is_tainted: false,
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

    /// The connection is closed at the end, since nobody else should find what is left on it.
    pub(crate) fn taint(&mut self) {
        self.is_tainted = DB::CLOSES_TAINTED;
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
        if self.is_tainted {
            // Dropped, it is closed, and the server rolls back what is open.
            return;
        }
        if self.state == State::Clean {
            return connection.give_back();
        }
        let options = std::mem::take(&mut self.options);
        let is_busy = self.state == State::Busy;
        // The caller may be outside any runtime. Where that of the connection has ended, the task is
        // dropped at once, and with it the connection, which closes its socket.
        let runtime = connection.runtime().clone();
        runtime.spawn(roll_back(connection, options, is_busy));
    }
}

/// Rolls back and gives the connection to the pool. Dropped or failed half-way, it closes it.
async fn roll_back<DB: Backend>(mut connection: Connection<DB>, options: TxOptions, is_busy: bool) {
    let rolled_back = async {
        if is_busy {
            DB::settle(&mut connection).await?;
        }
        DB::roll_back(&mut connection, options).await
    };
    let rolled_back = match DB::ROLLBACK_LIMIT {
        Some(limit) => tokio::time::timeout(limit, rolled_back).await,
        None => Ok(rolled_back.await),
    };
    match rolled_back {
        Ok(Ok(())) => connection.give_back(),
        Ok(Err(error)) => {
            tracing::debug!(%error, "connection closed: it could not be rolled back");
        }
        Err(_) => tracing::warn!(
            limit = ?DB::ROLLBACK_LIMIT,
            "connection closed: a statement still ran when its boundary had ended",
        ),
    }
}
