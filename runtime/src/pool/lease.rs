//! A connection while a transaction runs on it.

use std::sync::Arc;

use crate::backend::{Backend, Begun};
use crate::classify::Redacted;
use crate::options::effective::Effective;
use crate::pool::Connection;
use crate::targets;

/// What is open on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionState {
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
    held: Option<ActiveLease<DB>>,
}

/// What there is until the lease ends.
struct ActiveLease<DB: Backend> {
    connection: Connection<DB>,
    state: ConnectionState,
    /// Something outlives the transaction on the server's session.
    is_tainted: bool,
    options: Arc<Effective>,
    begun: Begun,
}

impl<DB: Backend> Lease<DB> {
    /// The lease of a connection on which a transaction is about to be begun.
    pub(crate) fn new(connection: Connection<DB>, options: Arc<Effective>) -> Self {
        Self {
            held: Some(ActiveLease {
                connection,
                state: ConnectionState::Busy,
                is_tainted: false,
                options,
                begun: Begun::default(),
            }),
        }
    }

    fn held(&mut self) -> &mut ActiveLease<DB> {
        self.held.as_mut().expect(HELD)
    }

    /// The connection, and its state: the caller sets it to [`ConnectionState::Busy`] before it sends anything,
    /// and to the truth when the answer has been read to its end.
    pub(crate) fn parts(&mut self) -> (&mut DB::Connection, &mut ConnectionState) {
        let held = self.held();
        (&mut held.connection, &mut held.state)
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.held.as_ref().expect(HELD).state
    }

    pub(crate) fn fitting(&self) -> &DB::Fitting {
        self.held.as_ref().expect(HELD).connection.fitting()
    }

    /// The transaction has begun.
    pub(crate) fn begin(&mut self, begun: Begun) {
        let held = self.held();
        held.begun = begun;
        held.state = ConnectionState::Open;
    }

    /// The transaction's id, where it was asked for.
    pub(crate) fn transaction(&self) -> Option<&str> {
        self.held.as_ref().expect(HELD).begun.transaction.as_deref()
    }

    /// Whether something outlives the transaction on the server's session.
    pub(crate) fn is_tainted(&self) -> bool {
        self.held.as_ref().expect(HELD).is_tainted
    }

    /// The connection is closed at the end, since nobody else should find what is left on it.
    pub(crate) fn taint(&mut self) {
        self.held().is_tainted = DB::FACTS.closes_tainted;
    }

    /// Stops the statement that nobody waits for, and reads the rest of its answer.
    pub(crate) async fn settle(&mut self) -> Result<(), sqlx::Error> {
        self.held().settle().await
    }

    /// Closes the connection. The server rolls back what is open on it.
    pub(crate) fn discard(mut self) {
        drop(self.held.take());
    }

    /// What is still to be done before the connection may be lent again.
    pub(crate) fn end(mut self) -> Option<impl Future<Output = ()> + Send + 'static> {
        self.held.take().and_then(ActiveLease::end)
    }
}

impl<DB: Backend> Drop for Lease<DB> {
    fn drop(&mut self) {
        let Some(held) = self.held.take() else {
            return;
        };
        // The caller may be outside any runtime. Where that of the connection has ended, the task is
        // dropped at once, and with it the connection, which closes its socket.
        let runtime = held.connection.runtime().clone();
        if let Some(end) = held.end() {
            runtime.spawn(end);
        }
    }
}

impl<DB: Backend> ActiveLease<DB> {
    async fn settle(&mut self) -> Result<(), sqlx::Error> {
        if self.state == ConnectionState::Busy {
            if !self.stop().await {
                // Closed, it makes a pooler close its own as well, which the server notices.
                return Err(sqlx::Error::Protocol(NOT_STOPPED.to_owned()));
            }
            let settled = DB::settle(&mut self.connection).await;
            DB::resume(self.connection.fitting());
            settled?;
            self.state = ConnectionState::Open;
        }
        Ok(())
    }

    /// Whether nothing of the order is left under way.
    fn stop(&mut self) -> impl Future<Output = bool> + Send + use<DB> {
        let order = DB::stop(self.connection.fitting(), &self.begun);
        let control = Arc::clone(self.connection.control());
        async move {
            match order {
                Some(order) => control.stop(order).await,
                None => true,
            }
        }
    }

    fn end(self) -> Option<impl Future<Output = ()> + Send + 'static> {
        match (self.state, self.is_tainted) {
            (ConnectionState::Clean, false) => self.connection.give_back(),
            // Dropped, it is closed, and the server rolls back what is open.
            (ConnectionState::Clean | ConnectionState::Open, true) => {}
            (ConnectionState::Open, false) | (ConnectionState::Busy, _) => {
                return Some(self.roll_back());
            }
        }
        None
    }

    /// Rolls back and gives the connection to the pool. Dropped or failed half-way, it closes it.
    async fn roll_back(mut self) {
        if self.is_tainted {
            self.stop().await;
            return;
        }
        let rolled_back = async {
            self.settle().await?;
            let fitting = Arc::clone(self.connection.fitting());
            DB::roll_back(&mut self.connection, &self.options, &fitting).await
        };
        let rolled_back = match DB::FACTS.rollback_limit {
            Some(limit) => tokio::time::timeout(limit, rolled_back).await,
            None => Ok(rolled_back.await),
        };
        match rolled_back {
            Ok(Ok(())) => self.connection.give_back(),
            Ok(Err(error)) => {
                tracing::debug!(target: targets::LEASE, error = %Redacted(&error), "connection closed: it could not be rolled back");
                if self.state == ConnectionState::Open {
                    // The server may not know yet that nobody is there, and still run a statement.
                    self.stop().await;
                }
            }
            Err(_) => tracing::warn!(
                target: targets::LEASE,
                limit = ?DB::FACTS.rollback_limit,
                "connection closed: a statement still ran when its boundary had ended",
            ),
        }
    }
}

const NOT_STOPPED: &str =
    "an order to stop a statement of this connection had no answer, and may reach the next";

const HELD: &str = "a lease holds its connection until it ends";
