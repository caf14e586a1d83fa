//! What a boundary is asked for: its options, under the names that the attributes give them.

mod isolation;
mod replica;
mod retry;
mod tolerance;

use std::time::Duration;

use crate::error::Error;

pub use isolation::Isolation;
pub use replica::Replica;
pub use retry::Retry;
pub(crate) use tolerance::Tolerated;

/// The options of a boundary, under the names that the attributes give them.
///
/// An option that the database cannot honour is refused with [`Error::Unsupported`] before a
/// connection is taken; none is silently ignored. What a boundary does not say, the
/// [defaults](crate::Builder::defaults) of its factory may.
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
    read_only: Option<bool>,
    pub(crate) deferrable: bool,
    pub(crate) independent: bool,
    pub(crate) confirm_commit: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) replica: Option<Replica>,
    pub(crate) tolerated: Option<Tolerated>,
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
        self.read_only = Some(true);
        self
    }

    /// Reads and writes, where the factory's defaults say `read_only`.
    #[must_use]
    pub fn read_write(mut self) -> Self {
        self.read_only = Some(false);
        self
    }

    /// Waits for a snapshot that can never fail to serialize. PostgreSQL only, and only together with
    /// [`Isolation::Serializable`] and [`read_only`](Self::read_only).
    #[must_use]
    pub fn deferrable(mut self) -> Self {
        self.deferrable = true;
        self
    }

    /// How long the whole boundary may take: waiting for a connection, the body, the commit, and all
    /// of it again where it is [run again](Self::retry).
    ///
    /// 30 s where it is not given. Zero, and more than a day, are refused with [`Error::Config`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How long one statement may take. It fails then, with an error of the server's on PostgreSQL
    /// (SQLSTATE 57014) and with [`Error::StatementTimeout`] on the others, which have no such setting
    /// for one transaction: there it is this crate that stops the statement.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// How long one statement may wait for a lock. It fails then, with the server's error: 55P03 on
    /// PostgreSQL, 1205 on MySQL, which counts in whole seconds, and `SQLITE_BUSY` on SQLite, where the
    /// lock is the one on the database and the wait is that of the begin. (SQLite does not end such a wait
    /// early: the connection of a boundary that was dropped meanwhile is back after it.)
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = Some(timeout);
        self
    }

    /// How long the transaction may lie idle between two statements before the server ends it, and with
    /// it the connection. PostgreSQL only.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Runs the boundary again, as a whole, after a conflict with another transaction: a number says how
    /// many times at most, a [`Retry`] says more.
    #[must_use]
    pub fn retry(mut self, retry: impl Into<Retry>) -> Self {
        self.retry = Some(retry.into());
        self
    }

    /// Lets a read-only boundary run on a [replica](crate::Builder::replica). Without it, it runs on the
    /// primary; among the factory's defaults it holds for the boundaries that are read-only.
    #[must_use]
    pub fn replica(mut self, replica: Replica) -> Self {
        self.replica = Some(replica);
        self
    }

    /// Commits although the body returned this error, and returns it all the same: the record of a
    /// refused payment is to be kept. A failure of the session, which cannot be committed, is not
    /// touched by it.
    ///
    /// `E` is the type that the body returns, and a boundary whose body returns another is refused with
    /// [`Error::Config`]. Among the factory's defaults it holds for the boundaries with that type.
    ///
    /// ```
    /// # use demarcate::{Error, TxOptions};
    /// # enum ApiError { Declined, Other(Error) }
    /// let options = TxOptions::new().no_rollback_for(|e: &ApiError| matches!(e, ApiError::Declined));
    /// # let _ = options;
    /// ```
    #[must_use]
    pub fn no_rollback_for<E: 'static>(
        mut self,
        tolerates: impl Fn(&E) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.tolerated = Some(Tolerated::new(tolerates));
        self
    }

    /// Finds out what became of a commit whose answer was lost, in place of saying that it is not known.
    ///
    /// PostgreSQL only. It takes a transaction id, also in a transaction that writes nothing, and its
    /// snapshot at the begin; it asks until the answer is known or the boundary's timeout is used up, and
    /// only then is it [`Error::CommitUnknown`].
    #[must_use]
    pub fn confirm_commit(mut self) -> Self {
        self.confirm_commit = true;
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

    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only == Some(true)
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.timeout.unwrap_or(Self::DEFAULT_TIMEOUT)
    }

    /// What is said here, and for the rest what the defaults say.
    pub(crate) fn or(self, defaults: &Self) -> Self {
        let isolation = self.isolation.or(defaults.isolation);
        let read_only = self.read_only.or(defaults.read_only);
        let is_settled = read_only == Some(true) && isolation == Some(Isolation::Serializable);
        Self {
            isolation,
            read_only,
            // As a default it holds where it has an effect.
            deferrable: self.deferrable || (defaults.deferrable && is_settled),
            independent: self.independent || defaults.independent,
            // There is nothing to confirm of a transaction that writes nothing.
            confirm_commit: self.confirm_commit
                || (defaults.confirm_commit && read_only != Some(true)),
            timeout: self.timeout.or(defaults.timeout),
            statement_timeout: self.statement_timeout.or(defaults.statement_timeout),
            lock_timeout: self.lock_timeout.or(defaults.lock_timeout),
            idle_timeout: self.idle_timeout.or(defaults.idle_timeout),
            retry: self.retry.or(defaults.retry),
            replica: self
                .replica
                .or(defaults.replica.filter(|_| read_only == Some(true))),
            tolerated: self.tolerated.or_else(|| {
                let default = defaults.tolerated.clone()?;
                Some(default.into_default())
            }),
            name: self.name,
        }
    }

    /// What no database could honour.
    pub(crate) fn check(&self) -> Result<(), Error> {
        for (timeout, what) in [
            (self.timeout, "a boundary cannot have a timeout"),
            (self.statement_timeout, "a statement cannot have a timeout"),
            (self.lock_timeout, "a wait for a lock cannot have a timeout"),
            (
                self.idle_timeout,
                "an idle transaction cannot have a timeout",
            ),
        ] {
            if let Some(timeout) = timeout
                && (timeout.is_zero() || timeout > Self::LONGEST_TIMEOUT)
            {
                return Err(Error::config(format!(
                    "{what} of {timeout:?}; give one above zero and up to 24 hours"
                )));
            }
        }
        if self.deferrable
            && !(self.is_read_only() && self.isolation == Some(Isolation::Serializable))
        {
            return Err(Error::config(
                "`deferrable` has an effect only on a transaction that is serializable and read-only; \
                 give `isolation = Serializable` and `read_only` with it",
            ));
        }
        if self.confirm_commit && self.is_read_only() {
            return Err(Error::config(
                "`confirm_commit` asks what became of the writes, and a read-only transaction has none; \
                 leave one of the two out",
            ));
        }
        match &self.retry {
            Some(retry) => retry.check(Self::LONGEST_TIMEOUT),
            None => Ok(()),
        }
    }
}
