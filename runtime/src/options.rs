//! What a boundary can be asked for.

use std::time::Duration;

use crate::error::Error;

/// How far a transaction is kept apart from those that run beside it.
///
/// The names are those of the SQL standard; what each level really prevents is the database's own
/// matter. SQLite knows only `Serializable`, and a boundary that asks it for another is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Isolation {
    /// Each statement sees what was committed before it began.
    ReadCommitted,
    /// All statements see one snapshot.
    RepeatableRead,
    /// The outcome is that of some order of the transactions, one after the other.
    Serializable,
}

impl Isolation {
    /// The level as SQL writes it.
    #[must_use]
    pub const fn as_sql(self) -> &'static str {
        match self {
            Self::ReadCommitted => "READ COMMITTED",
            Self::RepeatableRead => "REPEATABLE READ",
            Self::Serializable => "SERIALIZABLE",
        }
    }
}

/// The options of one boundary, under the names that the attributes give them.
///
/// An option that the database cannot honour is refused with [`Error::Unsupported`] before a
/// connection is taken; none is silently ignored.
///
/// ```
/// use std::time::Duration;
/// use demarcate::{Isolation, TxOptions};
///
/// let options = TxOptions::new()
///     .isolation(Isolation::Serializable)
///     .read_only()
///     .timeout(Duration::from_secs(5))
///     .name("monthly_report");
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default)]
pub struct TxOptions {
    pub(crate) isolation: Option<Isolation>,
    pub(crate) read_only: bool,
    pub(crate) deferrable: bool,
    pub(crate) independent: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) retry: u32,
    pub(crate) confirm_commit: bool,
    pub(crate) read_write: bool,
    pub(crate) name: Option<&'static str>,
}

impl TxOptions {
    /// How long a boundary may take, from waiting for its connection to the end of its commit, where
    /// nothing else is said.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// The longest timeout that is taken for one: a day. Longer is a mistake in the unit.
    pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

    /// No option: the database's own isolation level, read and write, 30 s.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The isolation level; without it the database's default holds.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(isolation);
        self
    }

    /// Reads only; the server refuses writes.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Waits for a snapshot that can never fail to serialize. PostgreSQL only, and only together with
    /// [`Isolation::Serializable`] and [`read_only`](Self::read_only).
    #[must_use]
    pub fn deferrable(mut self) -> Self {
        self.deferrable = true;
        self
    }

    /// How long the whole boundary may take: waiting for a connection, the body, and the commit.
    ///
    /// 30 s where it is not given. Zero, and more than a day, are refused with [`Error::Config`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long one statement may take.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// How long a statement may wait for a lock.
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = Some(timeout);
        self
    }

    /// How long the transaction may be open without a statement.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// How many times the boundary is run again after a failure that another run may not meet.
    #[must_use]
    pub fn retry(mut self, repeats: u32) -> Self {
        self.retry = repeats;
        self
    }

    /// Asks the server what became of a commit whose answer was lost.
    #[must_use]
    pub fn confirm_commit(mut self) -> Self {
        self.confirm_commit = true;
        self
    }

    /// Reads and writes, where the factory's own default is to read only.
    #[must_use]
    pub fn read_write(mut self) -> Self {
        self.read_write = true;
        self
    }

    /// Takes a second connection although this task is already inside a boundary on the same pool.
    ///
    /// What it commits stays when the outer boundary rolls back. A pool whose tasks each hold one
    /// connection and wait for another can come to a standstill; that is why it must be asked for.
    #[must_use]
    pub fn independent(mut self) -> Self {
        self.independent = true;
        self
    }

    /// The boundary's name in errors, logs and statistics.
    #[must_use]
    pub fn name(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.timeout.unwrap_or(Self::DEFAULT_TIMEOUT)
    }

    /// What no database could honour.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if let Some(timeout) = self.timeout
            && (timeout.is_zero() || timeout > Self::LONGEST_TIMEOUT)
        {
            return Err(Error::config(format!(
                "a boundary cannot have a timeout of {timeout:?}; give one above zero and up to 24 hours"
            )));
        }
        if self.deferrable && !(self.read_only && self.isolation == Some(Isolation::Serializable)) {
            return Err(Error::config(
                "`deferrable` has an effect only on a transaction that is serializable and read-only; \
                 give `isolation = Serializable` and `read_only` with it",
            ));
        }
        Ok(())
    }
}
