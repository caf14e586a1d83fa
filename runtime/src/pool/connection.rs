//! A connection that the pool has lent to a boundary, whichever kind of pool it comes from.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use tokio::runtime::Handle;

use super::{Guest, holders};
use crate::backend::Backend;
use crate::pool::access_mode::AccessMode;
use crate::pool::control::ControlConnection;
use crate::pool::learned::Learned;
use crate::pool::own::Lent;
use crate::pool::shares::SharePermit;

/// A lent connection. Dropping it closes it. Only [`give_back`](Self::give_back) returns it to the pool: the caller
/// then guarantees that no transaction is open on it and no answer is outstanding.
pub(crate) struct Connection<DB: Backend> {
    pub(super) held: Option<LentConnection<DB>>,
    pub(super) fitting: Arc<DB::Fitting>,
    pub(super) control: Arc<ControlConnection<DB>>,
    pub(super) learned: Arc<Learned>,
    pub(super) lent_at: Instant,
    /// How long a boundary waits for a connection.
    pub(super) wait: Duration,
    /// The runtime on which the connection was taken. The connection may be dropped outside any runtime.
    pub(super) runtime: Handle,
    /// The part of the caller's share of the pool.
    pub(super) share: Option<SharePermit>,
    pub(super) _holder: holders::HolderEntry,
    pub(super) _guest: Guest,
}

pub(super) enum LentConnection<DB: Backend> {
    Own(Lent<DB>),
    Sqlx(PoolConnection<DB>),
}

impl<DB: Backend> Connection<DB> {
    /// Whether the connection lay idle in the pool, and so may have been lost there unnoticed.
    pub(crate) fn is_reused(&self) -> bool {
        match &self.held {
            Some(LentConnection::Own(lent)) => lent.is_reused(),
            Some(LentConnection::Sqlx(_)) => true,
            None => false,
        }
    }

    pub(crate) fn fitting(&self) -> &Arc<DB::Fitting> {
        &self.fitting
    }

    pub(crate) fn control(&self) -> &Arc<ControlConnection<DB>> {
        &self.control
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    pub(crate) fn learned(&self) -> &Learned {
        &self.learned
    }

    /// Whether the connection comes from the own pool, so that nobody else has prepared it.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.held, Some(LentConnection::Own(_)))
    }

    /// Prepares the connection as a new one is, after its session was reset.
    pub(crate) async fn prepare_again(&mut self) -> Result<(), sqlx::Error> {
        match &mut self.held {
            Some(LentConnection::Own(lent)) => lent.prepare_again().await,
            Some(LentConnection::Sqlx(_)) | None => Ok(()),
        }
    }

    /// Whether the server accepts writes on the connection outside any transaction.
    pub(crate) fn access_mode(&self) -> AccessMode {
        match &self.held {
            Some(LentConnection::Own(lent)) => lent.own().access_mode,
            // A connection of the user's pool keeps its access mode: the user may take it too.
            Some(LentConnection::Sqlx(_)) | None => AccessMode::Configured,
        }
    }

    pub(crate) fn set_access_mode(&mut self, access_mode: AccessMode) {
        if let Some(LentConnection::Own(lent)) = &mut self.held {
            lent.own_mut().access_mode = access_mode;
        }
    }

    /// Whether the connection lay idle for so long that it may have died unnoticed.
    pub(crate) fn has_lain_idle(&self) -> bool {
        match &self.held {
            Some(LentConnection::Own(lent)) => lent.has_lain_idle(),
            Some(LentConnection::Sqlx(_)) | None => false,
        }
    }

    /// Returns the server's number of the connection, if statements may run on it in transactions of their own, which is
    /// asked once.
    pub(crate) fn process(&self) -> Option<u64> {
        match &self.held {
            Some(LentConnection::Own(lent)) => lent.own().process,
            Some(LentConnection::Sqlx(_)) | None => None,
        }
    }

    /// Records the server's number of the connection.
    pub(crate) fn set_process(&mut self, process: Option<u64>) {
        if let Some(LentConnection::Own(lent)) = &mut self.held {
            lent.own_mut().process = process;
        }
    }

    /// Whether the statements that are prepared on the connection may not fit the schema.
    pub(crate) fn is_stale(&self) -> bool {
        match &self.held {
            Some(LentConnection::Own(lent)) => lent.own().is_stale,
            // A pool of the user's keeps nothing of ours: `Transact::recognize` compares what it can.
            Some(LentConnection::Sqlx(_)) | None => false,
        }
    }

    /// Whether a statement, given by the hash of its text, may meet a type that the connection does not know.
    pub(crate) fn may_meet_type(&self, text: u64) -> bool {
        match &self.held {
            Some(LentConnection::Own(lent)) => !lent.own().types_of.contains(&text),
            // A pool of the user's keeps nothing of ours with a connection.
            Some(LentConnection::Sqlx(_)) | None => self.learned.may_meet_type(text),
        }
    }

    /// Records that a statement has met a type that the connection did not know.
    pub(crate) fn met_type(&mut self, text: u64) {
        match &self.held {
            Some(LentConnection::Own(_)) => self.knows_types_of(text),
            Some(LentConnection::Sqlx(_)) | None => self.learned.met_type(text),
        }
    }

    /// Records that the connection knows the types of a statement.
    pub(crate) fn knows_types_of(&mut self, text: u64) {
        if let Some(LentConnection::Own(lent)) = &mut self.held {
            let texts = &mut lent.own_mut().types_of;
            if texts.len() >= MOST_TEXTS {
                texts.clear();
            }
            texts.insert(text);
        }
    }

    /// Records whether the statements that are prepared on the connection may not fit the schema.
    pub(crate) fn set_stale(&mut self, is_stale: bool) {
        if let Some(LentConnection::Own(lent)) = &mut self.held {
            lent.own_mut().is_stale = is_stale;
        }
    }

    /// Returns the connection to the pool, for the next boundary.
    pub(crate) fn give_back(mut self) {
        // sqlx's pool spawns a task to take a connection back, and panics outside a runtime.
        let _runtime = self.runtime.enter();
        self.count_hold();
        drop(self.held.take());
    }

    /// Records how long the connection was held.
    fn count_hold(&self) {
        if self.held.is_some() {
            self.learned.load.held(self.lent_at.elapsed(), self.wait);
        }
    }
}

/// The number of statements whose types a connection is known to know.
const MOST_TEXTS: usize = 1_000;

const HELD: &str = "a lent connection is held until it is given back or dropped";

impl<DB: Backend> Deref for Connection<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self.held.as_ref().expect(HELD) {
            LentConnection::Own(lent) => &lent.own().connection,
            LentConnection::Sqlx(connection) => connection,
        }
    }
}

impl<DB: Backend> DerefMut for Connection<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self.held.as_mut().expect(HELD) {
            LentConnection::Own(lent) => &mut lent.own_mut().connection,
            LentConnection::Sqlx(connection) => connection,
        }
    }
}

impl<DB: Backend> Drop for Connection<DB> {
    fn drop(&mut self) {
        // sqlx's pool spawns a task to replace a connection, and panics outside a runtime.
        let _runtime = self.runtime.enter();
        self.count_hold();
        match self.held.take() {
            Some(LentConnection::Own(lent)) => lent.discard(),
            Some(LentConnection::Sqlx(connection)) => drop(connection.detach()),
            None => {}
        }
    }
}
