//! Takes a connection and begins the transaction on it, at the first statement.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::backend::{Backend, connect_error};
use crate::error::Error;
use crate::options::ReadPreference;
use crate::pool::Pool;
use crate::pool::lease::Lease;
use crate::pool::replicas;
use crate::session::failure::Failure;
use crate::session::transaction::{Core, OnConnection};
use crate::targets;
use crate::util::on_drop::OnDrop;

impl<DB: Backend> Core<DB> {
    /// Takes a connection and begins the transaction on it. If that was done before, proves that the
    /// transaction is still open.
    ///
    /// A pooled connection may have died. The begin finds that out, and nothing was executed on it
    /// then, so that another is taken in its place, unseen by the caller.
    pub(crate) async fn begin(&mut self) -> Result<(), Error> {
        if self.connection.is_some() {
            return self.prove_open().await;
        }
        // Boxed: it runs once per transaction, and inline it would enlarge every statement's future.
        let begun = Box::pin(self.begin_on_a_live_connection()).await;
        begun.map_err(|error| {
            let error = error.at(|| self.activity.place_of_run());
            // The body gets the original; the session keeps a copy of it.
            let error = sqlx::Error::from(error);
            if let Some(failure) = Failure::of::<DB>(&error) {
                self.fail(failure);
            }
            Error::from(error).at(|| self.activity.place_of_run())
        })
    }

    async fn begin_on_a_live_connection(&mut self) -> Result<(), Error> {
        let Some(replica) = self.replica else {
            return self.begin_on_the_chosen_pool().await;
        };
        let engine = Arc::clone(&self.engine);
        let waiting = engine.replicas().wait_for(replica);
        let begun = if self.options.replica == Some(ReadPreference::Require) {
            self.begin_on_the_chosen_pool().await
        } else {
            self.begin_on_a_replica_soon().await
        };
        let is_news = waiting.end(begun.is_ok());
        let Err(error) = begun else { return begun };
        if self.options.replica == Some(ReadPreference::Require) {
            return Err(error);
        }
        if is_news {
            tracing::warn!(target: targets::TRANSACTION, boundary = %self.site(), replica, %error, "no replica: the primary is read");
        }
        self.replica = None;
        self.begin_on_the_chosen_pool().await
    }

    /// Waits for a replica only so long that there is time left to read from the primary.
    async fn begin_on_a_replica_soon(&mut self) -> Result<(), Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = replicas::PATIENCE.min(left / 2);
        match timeout(patience, self.begin_on_the_chosen_pool()).await {
            Ok(begun) => begun,
            Err(_) => {
                if let Some(on) = self.connection.take() {
                    on.lease.discard();
                }
                Err(Pool::<DB>::no_answer(patience))
            }
        }
    }

    /// The pool that the connection comes from.
    fn pool(&self) -> &Pool<DB> {
        let replica = self
            .replica
            .and_then(|n| self.engine.replicas().pools().get(n));
        replica.unwrap_or(self.engine.pool())
    }

    async fn begin_on_the_chosen_pool(&mut self) -> Result<(), Error> {
        let mut dead = 0;
        loop {
            // The pool is part of the engine, which this has a share of.
            let engine = Arc::clone(&self.engine);
            let pool = self.replica.and_then(|n| engine.replicas().pools().get(n));
            let pool = pool.unwrap_or(engine.pool());
            let stopped_waiting = &mut self.stopped_waiting;
            let waiting = OnDrop::new(|| *stopped_waiting = Some(Instant::now()));
            let began = Instant::now();
            let acquired = pool.acquire(self.activity.site()).await;
            self.recorder.totals.acquiring += began.elapsed();
            let connection = acquired?;
            waiting.disarm();
            let prepared = DB::prepared(&connection);
            let is_reused = connection.is_reused();
            let lease = Lease::new(connection, Arc::clone(&self.options));
            let lease = &mut self
                .connection
                .insert(OnConnection { lease, prepared })
                .lease;
            self.recorder.totals.round_trips += 1;
            let begin = DB::begin(&self.options, lease.fitting());
            let (connection, _) = lease.parts();
            self.activity.begins();
            let begun = DB::run_for_row(connection, begin).await;
            match begun.and_then(DB::begun) {
                Ok(begun) => {
                    self.activity.begun(begun.process, self.replica);
                    lease.begin(begun);
                    return Ok(());
                }
                Err(error) => {
                    self.activity.begun(None, None);
                    // sqlx would return it to the pool in an aborted state.
                    if let Some(on) = self.connection.take() {
                        on.lease.discard();
                    }
                    if is_reused && DB::is_connection_lost(&error) && dead < pool.size() {
                        dead += 1;
                        continue;
                    }
                    let is_refused = error
                        .as_database_error()
                        .is_some_and(|error| DB::refusal(error).is_some());
                    return Err(if is_refused {
                        connect_error::<DB>(error)
                    } else {
                        Error::from(error)
                    });
                }
            }
        }
    }

    /// The error of a boundary whose time has run out: whether it waited for a connection then.
    pub(crate) fn timed_out(&self, after: Duration, deadline: Instant) -> Error {
        let place = self.activity.place();
        // A wait that the body gave up by itself was given up before the deadline.
        if self.stopped_waiting.is_some_and(|at| at >= deadline) {
            if !self.pool().is_exhausted() {
                // The connection was being made, so that the boundaries that hold others are not to blame.
                return Pool::<DB>::no_answer(after).at(|| place);
            }
            let status = self.pool().status();
            return Error::PoolTimeout {
                place,
                after,
                size: status.max_connections,
                holders: status.holders,
            };
        }
        Error::Timeout { place, after }
    }
}
