//! Acquires a connection and begins the transaction on it, at the first statement of a body.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::backend::forward::last_row;
use crate::backend::{Backend, BeginReply, Recognition, connect_error};
use crate::classify::{Category, Fate, Timeout, classify};
use crate::error::Error;
use crate::options::{Isolation, ReadPreference};
use crate::pool::Pool;
use crate::pool::access_mode::AccessMode;
use crate::pool::lease::{ConnectionState, Lease};
use crate::pool::overload::Queueing;
use crate::pool::replicas;
use crate::scope::holder::InWords;
use crate::session::failure::Failure;
use crate::session::guard::Passed;
use crate::session::transaction::{Core, OnConnection};
use crate::settings::TargetSessionAttrs;
use crate::targets;
use crate::util::on_drop::OnDrop;

/// Whether the session or the server begins the transaction that a statement runs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionMode {
    /// The session, for all statements of the boundary.
    Explicit,
    /// The server, for each statement, if the settings of its session allow that. Otherwise the session.
    Implicit,
}

/// Begins a transaction on a leased connection. Returns its answer; `None` if statements run in transactions of their own.
async fn begin_on<DB: Backend>(
    lease: &mut Lease<DB>,
    mode: TransactionMode,
    must_live: bool,
    target: TargetSessionAttrs,
    round_trips: &mut u64,
) -> Result<Option<BeginReply>, sqlx::Error> {
    if mode == TransactionMode::Implicit && lease.run_alone(must_live, round_trips).await? {
        return Ok(None);
    }
    let begun = begin_explicitly(lease, target, round_trips).await?;
    Ok(Some(begun))
}

/// Begins a transaction on a leased connection, and returns its answer.
async fn begin_explicitly<DB: Backend>(
    lease: &mut Lease<DB>,
    target: TargetSessionAttrs,
    round_trips: &mut u64,
) -> Result<BeginReply, sqlx::Error> {
    *round_trips += 1;
    let begin = lease.begin_sql(target);
    let row = last_row::<DB>(lease.parts().connection, begin).await?;
    DB::begun(row)
}

impl<DB: Backend> Core<DB> {
    /// Acquires a connection and begins the transaction on it. If the transaction has begun already, proves that it
    /// is still open.
    ///
    /// A pooled connection may have died. In that case the begin fails, nothing was executed, and another
    /// connection is tried without the caller noticing.
    pub(crate) async fn begin(&mut self, mode: TransactionMode) -> Result<(), Error> {
        let is_implicit = self.connection.as_ref().map(|on| on.lease.is_implicit());
        // Boxed: it runs once per transaction, and inline it would enlarge every statement's future.
        let begun = match is_implicit {
            None => Box::pin(self.begin_on_a_live_connection(mode)).await,
            Some(true) if mode == TransactionMode::Explicit => {
                Box::pin(self.begin_after_reads()).await
            }
            Some(_) => return self.prove_open().await,
        };
        begun.map_err(|error| {
            let error = error.at(|| self.activity.place_of_run());
            // The body receives the original; the session keeps a copy.
            let error = sqlx::Error::from(error);
            if let Some(failure) = Failure::caused_by(&error, &self.options) {
                self.fail(failure);
            }
            Error::from(error).at(|| self.activity.place_of_run())
        })
    }

    /// Returns who begins the transaction for a statement of the body that is sent next.
    pub(crate) fn mode_for(&self, sql: &str, passed: Passed) -> TransactionMode {
        let on = self.connection.as_ref();
        if on.is_some_and(|on| !on.lease.is_implicit())
            || !self.may_leave_transactions_to_the_server()
        {
            return TransactionMode::Explicit;
        }
        let options = &self.options;
        let is_alone = if options.is_read_only() {
            // Each statement has a snapshot of its own at this level anyway.
            let isolation = options.isolation.unwrap_or(DB::DEFAULT_ISOLATION);
            isolation == Isolation::ReadCommitted && demarcate_sql::reads_alone(sql, DB::DIALECT)
        } else {
            options.isolation.is_none() && passed.is_plain()
        };
        match is_alone {
            true => TransactionMode::Implicit,
            false => TransactionMode::Explicit,
        }
    }

    /// Whether the boundary only reads or has a single statement, and asks for no setting that would have to be made in a
    /// transaction.
    fn may_leave_transactions_to_the_server(&self) -> bool {
        let options = &self.options;
        DB::FACTS.has_implicit_transactions
            && (options.is_read_only() || options.single_statement)
            && !options.confirm_commit
            && options.statement_timeout.is_none()
            && options.lock_timeout.is_none()
            && options.idle_timeout.is_none()
            && self.pool().may_run_alone()
    }

    /// Begins the transaction on the connection on which statements have read in transactions of their own.
    async fn begin_after_reads(&mut self) -> Result<(), Error> {
        let target = self.pool().target();
        let Some(OnConnection { lease, .. }) = &mut self.connection else {
            return Ok(());
        };
        lease.begin_after_all();
        self.activity.begins();
        let round_trips = &mut self.recorder.totals.round_trips;
        match begin_explicitly(lease, target, round_trips).await {
            Ok(begun) => {
                self.activity.begun(begun.process, self.replica);
                lease.begin(begun);
                Ok(())
            }
            Err(error) => {
                self.activity.begun(None, None);
                *lease.parts().state = ConnectionState::Lost;
                Err(Error::from(error))
            }
        }
    }

    async fn begin_on_a_live_connection(&mut self, mode: TransactionMode) -> Result<(), Error> {
        let Some(replica) = self.replica else {
            return self.begin_on_the_chosen_pool(mode).await;
        };
        let engine = Arc::clone(&self.engine);
        let waiting = engine.replicas().wait_for(replica);
        let begun = if self.options.replica == Some(ReadPreference::Require) {
            self.begin_on_the_chosen_pool(mode).await
        } else {
            self.begin_on_a_replica_soon(mode).await
        };
        let is_news = waiting.end(begun.is_ok());
        let Err(error) = begun else { return begun };
        if self.options.replica == Some(ReadPreference::Require) {
            return Err(error);
        }
        if is_news {
            tracing::warn!(target: targets::TRANSACTION, boundary = %self.site(), replica, %error, "replica is unreachable; reading from the primary");
        }
        self.replica = None;
        self.begin_on_the_chosen_pool(mode).await
    }

    /// Begins on the replica, and gives up early enough to leave time for reading from the primary.
    async fn begin_on_a_replica_soon(&mut self, mode: TransactionMode) -> Result<(), Error> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let patience = replicas::PATIENCE.min(left / 2);
        match timeout(patience, self.begin_on_the_chosen_pool(mode)).await {
            Ok(begun) => begun,
            Err(_) => {
                if let Some(on) = self.connection.take() {
                    on.lease.discard();
                }
                Err(Pool::<DB>::no_answer(patience))
            }
        }
    }

    /// Returns the pool of the chosen replica, or else of the primary.
    pub(crate) fn pool(&self) -> &Pool<DB> {
        self.engine.pool_of(self.replica)
    }

    async fn begin_on_the_chosen_pool(&mut self, mode: TransactionMode) -> Result<(), Error> {
        let wanted = match mode {
            TransactionMode::Explicit => AccessMode::Configured,
            TransactionMode::Implicit if self.options.is_read_only() => AccessMode::ReadOnly,
            TransactionMode::Implicit => AccessMode::Configured,
        };
        let mut dead = 0;
        let mut queueing = Queueing::Until(self.deadline);
        loop {
            // Cloned, so that the borrow of the pool does not borrow `self`.
            let engine = Arc::clone(&self.engine);
            let pool = engine.pool_of(self.replica);
            let stopped_waiting = &mut self.stopped_waiting;
            let waiting = OnDrop::new(|| *stopped_waiting = Some(Instant::now()));
            let began = Instant::now();
            let site = self.activity.site();
            let acquired = pool.acquire_or_refuse(site, queueing, wanted).await;
            self.recorder.totals.acquiring += began.elapsed();
            let connection = acquired?;
            queueing = Queueing::Always;
            waiting.disarm();
            let prepared = DB::prepared(&connection);
            let is_reused = connection.is_reused();
            if prepared > 0 && pool.pooler().shares_sessions() && dead < pool.size() {
                // Names from the time before the pooler was found. They may be those of other clients by now.
                drop(connection);
                dead += 1;
                continue;
            }
            let lease = Lease::new(connection, Arc::clone(&self.options));
            let lease = &mut self
                .connection
                .insert(OnConnection {
                    lease,
                    prepared,
                    is_reused,
                    is_used: false,
                })
                .lease;
            self.activity.begins();
            let round_trips = &mut self.recorder.totals.round_trips;
            // A statement that writes is not sent again if it finds the connection dead, and a replica that does not answer
            // is given up at the begin.
            let must_live = !self.options.is_read_only() || self.replica.is_some();
            match begin_on(lease, mode, must_live, pool.target(), round_trips).await {
                Ok(None) => {
                    let process = lease.begin_nothing();
                    self.activity.begun(process, self.replica);
                    return Ok(());
                }
                Ok(Some(begun)) => {
                    let recognized = DB::recognize(lease.fitting(), &begun);
                    match recognized {
                        Recognition::AsBefore => {}
                        Recognition::NewSchema => lease.meets_new_schema(),
                        Recognition::NewSession => {
                            self.activity.begun(None, None);
                            if let Some(on) = self.connection.take() {
                                on.lease.discard_as(Fate::Shared);
                            }
                            continue;
                        }
                    }
                    if let Some(found) = begun.unwanted {
                        self.activity.begun(None, None);
                        if let Some(on) = self.connection.take() {
                            on.lease.discard_as(Fate::ReadOnly);
                        }
                        // Since it was opened, the server may have become a standby, and the address lead to another.
                        if is_reused && dead < pool.size() {
                            dead += 1;
                            continue;
                        }
                        return Err(pool.wrong_server(&found));
                    }
                    self.activity.begun(begun.process, self.replica);
                    lease.begin(begun);
                    return Ok(());
                }
                Err(error) => {
                    self.activity.begun(None, None);
                    // sqlx would return the connection to the pool in an aborted state.
                    if let Some(on) = self.connection.take() {
                        on.lease.discard();
                    }
                    if is_reused && classify(&error).fate == Fate::Lost && dead < pool.size() {
                        dead += 1;
                        continue;
                    }
                    let is_refused = error
                        .as_database_error()
                        .is_some_and(|error| DB::refusal(error).is_some());
                    if is_refused {
                        return Err(connect_error::<DB>(error));
                    }
                    return Err(self.locked_out(error));
                }
            }
        }
    }

    /// Returns the error of a begin, with the boundaries of this factory that hold the lock which it has waited for. Only
    /// SQLite waits for one at the begin.
    fn locked_out(&self, error: sqlx::Error) -> Error {
        let is_locked = classify(&error).category == Category::Timeout(Timeout::Lock);
        let place = self.activity.place_of_run();
        // The own connection has been given back.
        let holders = self.pool().status().holders;
        if !is_locked || holders.is_empty() {
            return Error::from(error);
        }
        // The body receives the database's error, which is found again by its text.
        let place = place.with_in_the_way(InWords(&holders).to_string());
        self.activity.failed_at(&error, place.clone());
        Error::Database {
            place,
            source: error,
        }
    }

    /// Returns the error of a boundary that has exceeded its timeout: a pool error if it was waiting for a connection
    /// at the deadline, and [`Error::Timeout`] otherwise.
    pub(crate) fn timed_out(&self, after: Duration, deadline: Instant) -> Error {
        let place = self.activity.place();
        // A wait that ended before the deadline was cancelled by the body itself.
        if self.stopped_waiting.is_some_and(|at| at >= deadline) {
            let Some(size) = self.pool().exhausted() else {
                // The connection was still being opened: the pool is not exhausted, so no holders are reported.
                return Pool::<DB>::no_answer(after).at(|| place);
            };
            return Error::PoolTimeout {
                place,
                after,
                size,
                holders: self.pool().status().holders,
            };
        }
        Error::Timeout { place, after }
    }
}
