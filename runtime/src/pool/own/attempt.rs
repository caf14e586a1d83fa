//! Attempts to open a connection for the own pool, each on a task of its own.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{Either, select};
use sqlx::ConnectOptions;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::breaker::Open;
use super::{Lack, Lifeline, OwnConnection, OwnPool};
use crate::backend::Backend;
use crate::classify::Redacted;
use crate::pool::access_mode::AccessMode;
use crate::targets;
use crate::util::timed_out::timed_out;

/// Attempts that are started after the lock of the pool is released.
#[must_use]
pub(super) struct Starts<DB: Backend>(pub(super) Vec<(ConnectAttempt<DB>, Handle)>);

impl<DB: Backend> Starts<DB> {
    /// Spawns the attempts, and the further ones for which a failed spawn left room.
    pub(super) fn run(mut self) {
        while let Some((first, _)) = self.0.first() {
            let pool = Arc::clone(&first.pool);
            for (attempt, runtime) in self.0 {
                // A runtime that has shut down drops the attempt at once, which leaves room for another.
                runtime.spawn(attempt.make_for_waiter());
            }
            self = pool.provide(&mut pool.state());
        }
    }
}

/// An attempt to open a connection. Dropping it ends the attempt and leaves room for another.
pub(super) struct ConnectAttempt<DB: Backend> {
    pub(super) number: u64,
    /// The waiter for which the attempt was begun. Another waiter may have taken it over since.
    pub(super) waiter: Option<u64>,
    pub(super) begun: Instant,
    pub(super) is_started: bool,
    pub(super) stopped: oneshot::Receiver<()>,
    pub(super) pool: Arc<OwnPool<DB>>,
}

impl<DB: Backend> ConnectAttempt<DB> {
    /// Opens the connection, and sends it, or the error, to the waiter. Runs as a task that nobody awaits.
    async fn make_for_waiter(mut self) {
        let made = match AssertUnwindSafe(self.connect()).catch_unwind().await {
            Ok(made) => made,
            Err(panic) => Err(Lack::Panicked(panic)),
        };
        match made {
            Ok(own) => self.succeed(own),
            Err(lack) => self.fail(Some(lack)),
        }
    }

    /// Opens the connection for the pool, and returns the error to the caller.
    pub(super) async fn make(mut self) -> Result<(), Lack> {
        let own = self.connect().await?;
        self.succeed(own);
        Ok(())
    }

    async fn connect(&mut self) -> Result<OwnConnection<DB>, Lack> {
        self.is_started = true;
        let pool = &self.pool;
        let connected = async {
            let mut connection = pool.options.connect().await?;
            let pooler = pool.learned.pooler();
            // Before the data about the connection is collected, since it may change them. What a pooler lends to other
            // clients as well is not prepared: one may be found while the program runs.
            if let Some(prepare) = pool
                .after_connect
                .as_ref()
                .filter(|_| !pooler.shares_sessions())
            {
                prepare(&mut connection).await?;
            }
            let fitting = DB::fit(&mut connection, pooler).await?;
            Ok((connection, Arc::new(fitting)))
        };
        let most = pool.limits.acquire_timeout;
        let connected = match select(pin!(timeout(most, connected)), &mut self.stopped).await {
            Either::Left((connected, _)) => connected.unwrap_or_else(|_| Err(no_answer(most))),
            Either::Right(_) => return Err(Lack::Closed),
        };
        let (connection, fitting) = connected.map_err(|error| {
            self.pool.learn_limit(&error, self.begun);
            Lack::Refused(error)
        })?;
        let now = Instant::now();
        Ok(OwnConnection {
            connection,
            fitting,
            made: now,
            returned: now,
            begun: self.begun,
            is_stale: false,
            access_mode: AccessMode::default(),
            process: None,
            types_of: HashSet::new(),
            runtime: Lifeline::new(),
        })
    }

    /// Puts the connection into the pool, unless the attempt was given up meanwhile.
    fn succeed(self, own: OwnConnection<DB>) {
        let mut state = self.pool.state();
        if state.remove_attempt(self.number).is_none() {
            return;
        }
        if let Some(at) = state.waiter_of(self.number) {
            state.leave_attempt(at);
        }
        state.there += 1;
        let open = state.breaker.succeed();
        drop(state);
        if let Some(open) = open {
            open.log_end();
        }
        self.pool.put(own, false);
    }

    /// Sends the reason, if known, to the waiter, if the waiter was there when the attempt began. For a waiter that
    /// came later another attempt is made.
    fn fail(&self, lack: Option<Lack>) {
        let mut state = self.pool.state();
        if state.remove_attempt(self.number).is_none() {
            return;
        }
        let waiter = state.waiter_of(self.number);
        if let Some(at) = waiter {
            state.leave_attempt(at);
        }
        let told = waiter.filter(|&at| lack.is_some() && state.waiting[at].since <= self.begun);
        let told = told.and_then(|at| state.remove_waiter(at));
        // What the pool tries by itself does not count: nobody has to be spared it.
        let opened = match (&lack, self.waiter) {
            (Some(Lack::Refused(error)), Some(_)) => {
                let is_there = state.there > 0;
                Some(error).filter(|error| state.breaker.fail(error, is_there))
            }
            _ => None,
        };
        let starts = self.pool.provide(&mut state);
        let turned_away = state.turn_away();
        let needs_trying = state.breaker.needs_trying();
        drop(state);
        starts.run();
        if let Some(error) = opened {
            Open::log(error);
        }
        if needs_trying {
            self.pool.keep_trying();
        }
        for (waiter, why) in turned_away {
            self.pool.learned.load.refused();
            drop(waiter.answer.send(Err(why)));
        }
        match (told, lack) {
            (Some(told), Some(lack)) => drop(told.answer.send(Err(lack))),
            (None, Some(Lack::Refused(error))) => {
                tracing::debug!(target: targets::POOL, error = %Redacted(&error), "a connection could not be opened; no boundary waits for it");
            }
            _ => {}
        }
    }
}

impl<DB: Backend> Drop for ConnectAttempt<DB> {
    fn drop(&mut self) {
        let mut state = self.pool.state();
        let waiter = state.waiter_of(self.number);
        let waiter = waiter.filter(|&at| Some(state.waiting[at].number) == self.waiter);
        match waiter {
            // The runtime has shut down, and the waiter ran on it.
            Some(at) if !self.is_started => {
                state.remove_attempt(self.number);
                let gone = state.waiting.remove(at);
                drop(state);
                drop(gone);
            }
            _ => {
                drop(state);
                self.fail(None);
            }
        }
    }
}

/// Returns the error of an attempt that had no answer within its time.
pub(crate) fn no_answer(after: Duration) -> sqlx::Error {
    sqlx::Error::Io(timed_out(format!("no answer within {after:?}")))
}
