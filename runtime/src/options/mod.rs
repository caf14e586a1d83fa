//! The options of a boundary, under the names that the attributes use.

mod budget;
pub(crate) mod effective;
mod isolation;
mod replica;
mod retry;
mod tolerance;

use std::time::Duration;

use crate::error::Error;

pub use budget::RetryBudget;
pub use isolation::Isolation;
pub use replica::ReadPreference;
pub use retry::{Retry, RetryAfter};
pub(crate) use tolerance::Tolerated;

/// The options of a boundary, under the names that the attributes use.
///
/// An option that the database does not support is rejected with [`Error::Unsupported`] before a connection is taken;
/// no option is silently ignored. For an option that is not set, the [default](crate::Builder::defaults) of the
/// factory applies.
///
/// | method | in an attribute | if not given |
/// |---|---|---|
/// | [`isolation`](Self::isolation) | `isolation = Serializable` | the database's default |
/// | [`read_only`](Self::read_only), [`read_write`](Self::read_write) | `read_only`, `read_write` | reads and writes |
/// | [`deferrable`](Self::deferrable) | `deferrable` | no |
/// | [`timeout`](Self::timeout) | `timeout = "5s"` | [30 s](Self::DEFAULT_TIMEOUT) |
/// | [`statement_timeout`](Self::statement_timeout) | `statement_timeout = "1s"` | the database's |
/// | [`lock_timeout`](Self::lock_timeout) | `lock_timeout = "250ms"` | the database's |
/// | [`idle_timeout`](Self::idle_timeout) | `idle_timeout = "10s"` | the database's |
/// | [`retry`](Self::retry) | `retry = 3` | it runs once |
/// | [`replica`](Self::replica) | `replica = Prefer` | the primary |
/// | [`no_rollback_for`](Self::no_rollback_for) | `no_rollback_for = ApiError::Declined` | every `Err` rolls back |
/// | [`confirm_commit`](Self::confirm_commit) | `confirm_commit` | no |
/// | [`single_statement`](Self::single_statement) | `single_statement` | no |
/// | [`independent`](Self::independent) | `independent` | no |
/// | [`name`](Self::name) | `name = "monthly_report"` | the function's; `transaction` for a closure |
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
    pub(crate) single_statement: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) lock_timeout: Option<Duration>,
    pub(crate) idle_timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    pub(crate) replica: Option<ReadPreference>,
    pub(crate) tolerated: Option<Tolerated>,
    pub(crate) name: Option<&'static str>,
}

impl TxOptions {
    /// The default timeout of a boundary, from waiting for its connection to the end of its commit.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

    /// The longest timeout: a day. A longer one is taken for a mistake in the unit.
    pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

    /// Returns options with nothing set: the isolation level of the database, read and write, 30 s.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the isolation level. Without it, the default of the database applies.
    #[must_use]
    pub fn isolation(mut self, isolation: Isolation) -> Self {
        self.isolation = Some(isolation);
        self
    }

    /// Makes the transaction read-only: the server rejects writes.
    ///
    /// At read committed, where each statement has a snapshot of its own, statements may be sent without a transaction around
    /// them, on a connection that was made read-only: *n* statements then take *n* round trips. The
    /// [guide](crate::guide::isolation_retries_locks#reads-and-single-statements) says which do, and which do not.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.read_only = Some(true);
        self
    }

    /// Makes the transaction read and write if the defaults of the factory say `read_only`.
    #[must_use]
    pub fn read_write(mut self) -> Self {
        self.read_only = Some(false);
        self
    }

    /// Waits for a snapshot that cannot cause a serialization failure. PostgreSQL only, and only together with
    /// [`Isolation::Serializable`] and [`read_only`](Self::read_only).
    #[must_use]
    pub fn deferrable(mut self) -> Self {
        self.deferrable = true;
        self
    }

    /// Limits the time of the whole boundary: the wait for a connection, the body, the commit, and all
    /// [further runs](Self::retry).
    ///
    /// The default is 30 s. Zero, and more than a day, are rejected with [`Error::Config`].
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Limits the time of each statement. A statement that takes longer fails with the server's error on PostgreSQL
    /// (SQLSTATE 57014), and with [`Error::StatementTimeout`] on the others: those have no such setting for one
    /// transaction, and this crate stops the statement.
    #[must_use]
    pub fn statement_timeout(mut self, timeout: Duration) -> Self {
        self.statement_timeout = Some(timeout);
        self
    }

    /// Limits the time that a statement waits for a lock. After that the statement fails with the server's error: 55P03
    /// on PostgreSQL; 1205 on MySQL, which counts whole seconds; `SQLITE_BUSY` on SQLite, whose lock is that of the whole
    /// database and is waited for at the begin. (SQLite cannot cancel the wait: if the boundary is dropped meanwhile,
    /// its connection returns to the pool only after the wait.)
    #[must_use]
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = Some(timeout);
        self
    }

    /// Limits the time that the transaction may be idle between two statements. After that the server closes the
    /// connection, which ends the transaction. PostgreSQL only.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Runs the whole boundary again after a conflict with another transaction: up to a number of times, or as a
    /// [`Retry`] says.
    #[must_use]
    pub fn retry(mut self, retry: impl Into<Retry>) -> Self {
        self.retry = Some(retry.into());
        self
    }

    /// Lets a read-only boundary run on a [replica](crate::Builder::replica). Without this option, the boundary runs on
    /// the primary. As a default of the factory it applies to read-only boundaries.
    #[must_use]
    pub fn replica(mut self, replica: ReadPreference) -> Self {
        self.replica = Some(replica);
        self
    }

    /// Commits although the body returned an error for which `tolerates` holds, and returns that error: for example, to
    /// keep the record of a declined payment. It has no effect on a failure of the session, which cannot commit.
    ///
    /// `E` is the error type of the body. A boundary whose body has another error type is rejected with
    /// [`Error::Config`]. As a default of the factory it applies to bodies with that error type.
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

    /// Asks the server for the outcome of a commit whose answer was lost, instead of failing with
    /// [`Error::CommitUnknown`].
    ///
    /// PostgreSQL only. The transaction then takes its snapshot at the begin, and is assigned a transaction id even if it
    /// writes nothing. The server is asked until the outcome is known; if the boundary's timeout elapses before that, the
    /// boundary fails with [`Error::CommitUnknown`].
    #[must_use]
    pub fn confirm_commit(mut self) -> Self {
        self.confirm_commit = true;
        self
    }

    /// Sends one statement, which the server commits by itself: one round trip in place of three.
    ///
    /// A second statement, a [`savepoint`](crate::Session::savepoint) and the
    /// [raw connection](crate::Session::unguarded) are refused with [`Error::Unsupported`]. What the statement did stays,
    /// whatever the body returns after it: return its result. If the answer is lost, the body gets
    /// [`Error::CommitUnknown`], and the boundary is not run again.
    ///
    /// Before its first such statement, and after one second without use, a connection costs one more round trip, which asks
    /// the server. Where the server's session may be lent to others, or has other settings, and with an option that has to be
    /// set in a transaction (`isolation`, `statement_timeout`, `lock_timeout`, `idle_timeout`, `confirm_commit`), the
    /// statement gets a transaction of its own, as without this option; so it does on SQLite, in a pool of the user's own, and
    /// if the factory has an [`after_connect`](crate::Builder::after_connect) or asks for a
    /// [kind of server](crate::Builder::target_session_attrs).
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::postgres::Session;
    /// use demarcate::{Error, router_tx};
    ///
    /// #[router_tx(single_statement)]
    /// async fn seen(tx: &mut Session, user: i64) -> Result<u64, Error> {
    ///     let update = sqlx::query("update users set seen = now() where id = $1").bind(user);
    ///     Ok(update.execute(&mut *tx).await?.rows_affected())
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn single_statement(mut self) -> Self {
        self.single_statement = true;
        self
    }

    /// Opens the boundary on a second connection if this task is already inside a boundary on the same pool.
    ///
    /// Its commit remains if the outer boundary rolls back. Tasks that each hold one connection and wait for another can
    /// deadlock the pool, so a nested boundary must say that it is independent.
    #[must_use]
    pub fn independent(mut self) -> Self {
        self.independent = true;
        self
    }

    /// Sets the name of the boundary in errors, logs and statistics.
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

    /// Whether both say the same. Options that hold a closure are never the same as others.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let Self {
            isolation,
            read_only,
            deferrable,
            independent,
            confirm_commit,
            single_statement,
            timeout,
            statement_timeout,
            lock_timeout,
            idle_timeout,
            retry,
            replica,
            tolerated,
            name,
        } = self;
        tolerated.is_none()
            && other.tolerated.is_none()
            && *isolation == other.isolation
            && *read_only == other.read_only
            && *deferrable == other.deferrable
            && *independent == other.independent
            && *confirm_commit == other.confirm_commit
            && *single_statement == other.single_statement
            && *timeout == other.timeout
            && *statement_timeout == other.statement_timeout
            && *lock_timeout == other.lock_timeout
            && *idle_timeout == other.idle_timeout
            && *retry == other.retry
            && *replica == other.replica
            && *name == other.name
    }

    /// Returns these options, with the defaults for those that are not set.
    pub(crate) fn or(self, defaults: &Self) -> Self {
        let isolation = self.isolation.or(defaults.isolation);
        let read_only = self.read_only.or(defaults.read_only);
        let is_settled = read_only == Some(true) && isolation == Some(Isolation::Serializable);
        Self {
            isolation,
            read_only,
            // The default applies only where `deferrable` has an effect.
            deferrable: self.deferrable || (defaults.deferrable && is_settled),
            independent: self.independent || defaults.independent,
            // A read-only transaction has no writes to confirm, so the default does not apply.
            confirm_commit: self.confirm_commit
                || (defaults.confirm_commit && read_only != Some(true)),
            single_statement: self.single_statement || defaults.single_statement,
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

    /// Rejects options that no database supports, or that contradict each other.
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
