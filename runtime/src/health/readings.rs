//! The values that are read from a database, in one form for all of them.

use std::borrow::Cow;

/// What was found, or why that cannot be told.
pub(crate) type Seen<T> = Result<T, Cow<'static, str>>;

/// What the database said.
#[doc(hidden)]
#[derive(Debug)]
pub struct Readings {
    /// `PostgreSQL 15.8`.
    pub(crate) server: String,
    /// Why nothing can be written, where that is so.
    pub(crate) read_only: Seen<Option<String>>,
    pub(crate) sessions: Seen<Sessions>,
    /// Somebody has locked the whole database.
    pub(crate) is_locked: bool,
    pub(crate) counters: Counters,
    pub(crate) connections: Seen<Connections>,
    pub(crate) lag: Seen<Lag>,
    pub(crate) age: Seen<Age>,
    /// Changes that are kept for old transactions.
    pub(crate) history_length: Seen<u64>,
    /// In bytes.
    pub(crate) wal_size: Seen<u64>,
    /// What is broken.
    pub(crate) integrity: Seen<Option<String>>,
}

impl Readings {
    /// Of a database of which nothing is known yet.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    pub(crate) fn of(server: String) -> Self {
        const NOT_THERE: Cow<'static, str> = Cow::Borrowed("there is no such thing here");
        Self {
            server,
            read_only: Err(NOT_THERE),
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

/// Those who are in a transaction on this database, whoever began it.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    /// In seconds.
    pub(crate) longest_open: Option<f64>,
    /// In seconds.
    pub(crate) longest_idle: Option<f64>,
    /// In seconds.
    pub(crate) longest_wait: Option<f64>,
    /// How many statements wait.
    pub(crate) waiting: u64,
    /// Some of them: those who wait, and then the oldest.
    pub(crate) shown: Vec<Session>,
    /// Why not all could be seen, where that is so.
    pub(crate) hidden: Option<Cow<'static, str>>,
}

/// One of them.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The server's number for it.
    pub(crate) process: u64,
    /// How long its transaction has been open, in seconds.
    pub(crate) open_for: f64,
    /// How long it has had nothing to do, in seconds, where that is so.
    pub(crate) idle_for: Option<f64>,
    /// How long it has waited for a lock, in seconds, where that is so.
    pub(crate) waits_for: Option<f64>,
    /// Who holds what it waits for.
    pub(crate) blockers: Vec<u64>,
    /// What the program says that it is called.
    pub(crate) application: String,
    /// What it does, or did last, as it was sent: with the values in it.
    pub(crate) statement: String,
}

/// What only grows.
#[derive(Clone, Debug)]
pub(crate) struct Counters {
    pub(crate) cache: Seen<Share>,
    pub(crate) deadlocks: Seen<u64>,
    /// Rolled back, of all that ended.
    pub(crate) ended: Seen<Share>,
}

/// So many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) part: u64,
    pub(crate) whole: u64,
}

impl Share {
    /// Of nothing there is no share.
    pub(crate) fn percent(self) -> Option<f64> {
        #[allow(
            clippy::cast_precision_loss,
            reason = "a share of 2^52 is exact enough"
        )]
        (self.whole > 0).then(|| 100.0 * self.part as f64 / self.whole as f64)
    }

    /// What came since an earlier one; nothing where it was counted from zero again.
    pub(crate) fn since(self, earlier: Self) -> Option<Self> {
        Some(Self {
            part: self.part.checked_sub(earlier.part)?,
            whole: self.whole.checked_sub(earlier.whole)?,
        })
    }
}

/// The server's connections.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) used: u64,
    /// How many there may be.
    pub(crate) most: u64,
    /// How many of those are kept for administrators.
    pub(crate) reserved: u64,
}

/// How far behind something is.
#[derive(Debug)]
pub(crate) struct Lag {
    /// `None` where that is not known, which is not well.
    pub(crate) seconds: Option<f64>,
    pub(crate) evidence: String,
}

/// How old the oldest row is.
#[derive(Debug)]
pub(crate) struct Age {
    pub(crate) transactions: u64,
    pub(crate) evidence: String,
}
