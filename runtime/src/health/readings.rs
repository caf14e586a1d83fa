//! The values that are read from a database, in one form for all of them.

use std::borrow::Cow;

/// A value, or the reason why it could not be read.
pub(crate) type Reading<T> = Result<T, Cow<'static, str>>;

/// The values that were read from the database.
#[doc(hidden)]
#[derive(Debug)]
pub struct Readings {
    /// The server and its version: `PostgreSQL 15.8`.
    pub(crate) server: String,
    /// The reason why the database is read-only; `None` if it is writable.
    pub(crate) read_only: Reading<Option<String>>,
    /// Whether the server follows another one.
    pub(crate) is_replica: Reading<bool>,
    /// The sessions that are in a transaction.
    pub(crate) sessions: Reading<Sessions>,
    /// Whether the whole database is locked exclusively.
    pub(crate) is_locked: bool,
    /// The counters that only grow.
    pub(crate) counters: Counters,
    /// The connections of the server.
    pub(crate) connections: Reading<Connections>,
    /// The replication lag.
    pub(crate) lag: Reading<Lag>,
    /// The age of the oldest unfrozen row.
    pub(crate) age: Reading<Age>,
    /// The number of undo records that InnoDB keeps for old transactions.
    pub(crate) history_length: Reading<u64>,
    /// The size of the write-ahead log, in bytes.
    pub(crate) wal_size: Reading<u64>,
    /// The corruption that was found; `None` if there is none.
    pub(crate) integrity: Reading<Option<String>>,
}

impl Readings {
    /// Returns readings without any value, to be filled in.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) fn of(server: String) -> Self {
        const NOT_THERE: Cow<'static, str> = Cow::Borrowed("this database does not have it");
        Self {
            server,
            read_only: Err(NOT_THERE),
            is_replica: Err(NOT_THERE),
            sessions: Err(NOT_THERE),
            is_locked: false,
            counters: Counters {
                cache: Err(NOT_THERE),
                deadlocks: Err(NOT_THERE),
                ended: Err(NOT_THERE),
            },
            connections: Err(NOT_THERE),
            lag: Err(NOT_THERE),
            age: Err(NOT_THERE),
            history_length: Err(NOT_THERE),
            wal_size: Err(NOT_THERE),
            integrity: Err(NOT_THERE),
        }
    }
}

/// The sessions that are in a transaction on this database, of all programs.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// The longest time that a transaction has been open, in seconds.
    pub(crate) longest_open: Option<f64>,
    /// The longest time that a session has been idle in its transaction, in seconds.
    pub(crate) longest_idle: Option<f64>,
    /// The longest wait for a lock, in seconds.
    pub(crate) longest_wait: Option<f64>,
    /// The number of statements that wait for a lock.
    pub(crate) waiting: u64,
    /// A selection of the sessions: those that wait, then those with the oldest transactions.
    pub(crate) shown: Vec<Session>,
    /// The reason why some sessions could not be read; `None` if all could.
    pub(crate) hidden: Option<Cow<'static, str>>,
}

/// A session that is in a transaction.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The number that the server gives the session.
    pub(crate) process: u64,
    /// How long its transaction has been open, in seconds.
    pub(crate) open_for: f64,
    /// How long it has been idle in its transaction, in seconds; `None` if it runs a statement.
    pub(crate) idle_for: Option<f64>,
    /// How long it has waited for a lock, in seconds; `None` if it does not wait.
    pub(crate) waits_for: Option<f64>,
    /// The numbers of the sessions that hold the lock.
    pub(crate) blockers: Vec<u64>,
    /// The application name that the program has set.
    pub(crate) application: String,
    /// The current or last statement, as it was sent: with literals.
    pub(crate) statement: String,
}

/// Counters that only grow until the server restarts or resets them.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    /// Reads from the cache, of all reads.
    pub(crate) cache: Reading<Share>,
    /// The number of deadlocks.
    pub(crate) deadlocks: Reading<u64>,
    /// Transactions that were rolled back, of all that ended.
    pub(crate) ended: Reading<Share>,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

impl Share {
    /// Returns the share in percent; `None` if the whole is zero.
    pub(crate) fn percent(self) -> Option<f64> {
        #[allow(
            clippy::cast_precision_loss,
            reason = "a share of 2^52 is exact enough"
        )]
        (self.whole > 0).then(|| 100.0 * self.part as f64 / self.whole as f64)
    }

    /// Returns the difference to an earlier value; `None` if the counter was reset in between.
    pub(crate) fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            part: self.part.checked_sub(earlier.part)?,
            whole: self.whole.checked_sub(earlier.whole)?,
        })
    }
}

/// The connections of the server.
#[derive(Debug)]
pub(crate) struct Connections {
    /// The number of connections in use.
    pub(crate) used: u64,
    /// The largest number of connections.
    pub(crate) most: u64,
    /// The number of those that are reserved for administrators.
    pub(crate) reserved: u64,
}

/// The replication lag.
#[derive(Debug)]
pub(crate) struct Lag {
    /// The lag in seconds. `None` if it is not known, which is unhealthy.
    pub(crate) seconds: Option<f64>,
    /// How it was determined.
    pub(crate) evidence: String,
}

/// The age of the oldest unfrozen row.
#[derive(Debug)]
pub(crate) struct Age {
    /// The age in transactions.
    pub(crate) transactions: u64,
    /// The database that has the row.
    pub(crate) evidence: String,
}
