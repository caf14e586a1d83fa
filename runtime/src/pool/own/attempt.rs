//! Connections that are being made.

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

use super::{Lack, Lifeline, OwnConnection, OwnPool};
use crate::backend::Backend;
use crate::classify::Redacted;
use crate::targets;
use crate::util::timed_out::timed_out;

/// Attempts to make a connection, which begin once the pool is not locked any more.
#[must_use]
pub(super) struct Starts<DB: Backend>(pub(super) Vec<(ConnectAttempt<DB>, Handle)>);

impl<DB: Backend> Starts<DB> {
    pub(super) fn run(mut self) {
        while let Some((first, _)) = self.0.first() {
            let pool = Arc::clone(&first.pool);
            for (attempt, runtime) in self.0 {
                // A runtime that has ended drops it at once, which leaves room for others.
                runtime.spawn(attempt.make_for_waiter());
            }
            self = pool.provide(&mut pool.state());
        }
    }
}

/// An attempt to make a connection. Dropped, it makes room for another.
pub(super) struct ConnectAttempt<DB: Backend> {
    pub(super) number: u64,
    /// The waiter that it was begun for. Another may wait for it by now.
    pub(super) waiter: Option<u64>,
    pub(super) begun: Instant,
    pub(super) is_started: bool,
    pub(super) stopped: oneshot::Receiver<()>,
    pub(super) pool: Arc<OwnPool<DB>>,
}

impl<DB: Backend> ConnectAttempt<DB> {
    /// Nobody awaits this: who waits is told.
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

    /// The same where it is the caller who is told.
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
            let fitting = DB::fit(&mut connection, pool.pooler).await?;
            Ok((connection, Arc::new(fitting)))
        };
        let most = pool.limits.acquire_timeout;
        let connected = match select(pin!(timeout(most, connected)), &mut self.stopped).await {
            Either::Left((connected, _)) => connected.unwrap_or_else(|_| Err(no_answer(most))),
            Either::Right(_) => return Err(Lack::Closed),
        };
        let (connection, fitting) = connected.map_err(Lack::Refused)?;
        let now = Instant::now();
        Ok(OwnConnection {
            connection,
            fitting,
            made: now,
            returned: now,
            runtime: Lifeline::new(),
        })
    }

    fn succeed(self, own: OwnConnection<DB>) {
        let mut state = self.pool.state();
        if state.remove_attempt(self.number).is_none() {
            return;
        }
        if let Some(at) = state.waiter_of(self.number) {
            state.leave_attempt(at);
        }
        state.there += 1;
        drop(state);
        self.pool.put(own, false);
    }

    /// Tells the one that it was made for why, where that is known. One that came later has another made.
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
        let starts = self.pool.provide(&mut state);
        drop(state);
        starts.run();
        match (told, lack) {
            (Some(told), Some(lack)) => drop(told.answer.send(Err(lack))),
            (None, Some(Lack::Refused(error))) => {
                tracing::debug!(target: targets::POOL, error = %Redacted(&error), "a connection that nobody waits for could not be made");
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
            // Its runtime has ended, and so has who waited there.
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

pub(crate) fn no_answer(after: Duration) -> sqlx::Error {
    sqlx::Error::Io(timed_out(format!("no answer within {after:?}")))
}
