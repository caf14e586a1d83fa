//! Defines [`Session`]: the capability to run statements inside a transaction, without control over its end.

mod begin;
pub(crate) mod commit;
#[cfg(feature = "postgres")]
mod copy;
mod each;
mod executor;
pub(crate) mod failure;
mod fitness;
pub(crate) mod guard;
pub(crate) mod hooks;
mod in_flight;
pub(crate) mod lent;
mod new_types;
#[cfg(feature = "postgres")]
pub(crate) mod pages;
mod recorder;
pub(crate) mod requirements;
mod savepoint;
mod statement;
pub(crate) mod transaction;
mod wire;

use std::borrow::Cow;
use std::fmt;

use crate::backend::Backend;
use crate::error::Error;
use crate::scope::place::TransactionId;
use crate::scope::site::Site;
use crate::session::hooks::Hook;
use crate::session::transaction::Core;
use crate::util::send_closure::SendOnce;

/// Runs statements in the transaction of a boundary. It cannot begin, commit or roll back.
///
/// A boundary lends its session as `&mut Session` to its body, which lends it on to services. A session is a sqlx
/// [`Executor`](sqlx::Executor): pass it to a query as `&mut *tx`.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use demarcate::sqlite::Session;
///
/// async fn rename(tx: &mut Session, id: i64, name: &str) -> Result<(), sqlx::Error> {
///     sqlx::query("update customers set name = $1 where id = $2")
///         .bind(name)
///         .bind(id)
///         .execute(&mut *tx)
///         .await?;
///     Ok(())
/// }
/// # }
/// ```
///
/// The first statement begins the transaction; a body that sends none costs no round trip. A statement that fails
/// marks the session: later statements fail at once, without a round trip, with an error that names the first
/// failure, and the boundary does not commit even if its body returns `Ok`. To survive a failure, use a
/// [`savepoint`](Self::savepoint).
///
/// # Cancel safety
///
/// If the future or the row stream of a statement is dropped before its end, the effect of the statement is unknown.
/// The session is marked as if the statement had failed.
///
/// # Why it cannot be moved
///
/// The type is unsized, although it contains nothing of unknown size: an unsized value cannot be moved, swapped,
/// replaced or stored, so a body cannot take its session out of the boundary, for example with `std::mem::swap`.
pub struct Session<DB: Backend, Held: ?Sized = [()]> {
    pub(crate) core: Core<DB>,
    /// A slice, which makes the type unsized.
    #[expect(dead_code, reason = "there for its type")]
    held: Held,
}

impl<DB: Backend> Session<DB, [(); 0]> {
    pub(crate) fn new(core: Core<DB>) -> Self {
        Self { core, held: [] }
    }
}

impl<DB: Backend> Session<DB> {
    /// Returns the boundary that this session belongs to.
    pub fn boundary(&self) -> Site {
        self.core.site()
    }

    /// Returns the number of the transaction, by which the log, the spans, the errors and the HTTP problems of this
    /// boundary name it: for an audit table, or a message to another system.
    ///
    /// The runs of a boundary that is [retried](crate::Retry) share the number.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::service;
    /// use demarcate::sqlite::Session;
    ///
    /// #[service]
    /// async fn audit(tx: &mut Session, what: &str) -> Result<(), sqlx::Error> {
    ///     let transaction = tx.transaction_id().to_string(); // 5f3ad1a7c0de91b2
    ///     let insert = sqlx::query("insert into audit (what, done_in) values ($1, $2)");
    ///     insert.bind(what).bind(transaction).execute(&mut *tx).await?;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn transaction_id(&self) -> TransactionId {
        self.core.activity.transaction()
    }

    /// Runs `hook` after the transaction has been committed. If it is not committed, the hook never runs.
    ///
    /// A future of `()` is awaited before the boundary returns, so a cache is invalidated before the response is sent.
    /// A [`Job`](crate::Job) is started and not awaited. Hooks run one after another, in the order in which they were
    /// registered, where the boundary is awaited, and so with the task-locals of its caller. Hooks that are not done within
    /// the boundary's timeout, or when the caller goes, go on in the background, without them. A hook that panics is
    /// logged, and the remaining hooks run. Hooks registered
    /// inside a [`savepoint`](Self::savepoint) that is rolled back are dropped with it. If the
    /// [outcome of the commit is unknown](Error::CommitUnknown), no hook runs, which is logged.
    pub fn after_commit(&mut self, hook: impl Hook<DB>) {
        self.core.hooks.after_commit(hook.into_hook());
    }

    /// Runs `hook` after the work of the body has been rolled back, for example to remove a file whose record was not
    /// stored. If the transaction is committed, the hook never runs.
    ///
    /// Takes a future or a job, as [`after_commit`](Self::after_commit) does. Hooks run in the background, after the
    /// rollback; also if the caller was cancelled, if the body panicked, and after each run that is
    /// [retried](crate::Retry). A hook registered inside a [`savepoint`](Self::savepoint) that is rolled back runs at
    /// the end of the boundary, whether or not the boundary commits.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::sqlite::Session;
    ///
    /// async fn store(tx: &mut Session, path: std::path::PathBuf) -> Result<(), sqlx::Error> {
    ///     let name = path.display().to_string();
    ///     tx.after_rollback(async move {
    ///         std::fs::remove_file(&path).ok();
    ///     });
    ///     sqlx::query("insert into files (name) values ($1)").bind(name).execute(&mut *tx).await?;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    pub fn after_rollback(&mut self, hook: impl Hook<DB>) {
        self.core.hooks.after_rollback(hook.into_hook());
    }

    /// Runs `hook` inside the transaction after the body has returned `Ok` and before the commit, for example to check
    /// everything that was written, or to write in one statement the records that many services have collected.
    ///
    /// Hooks run in the order in which they were registered; a hook may register further ones. `Err` rolls back: the
    /// boundary returns it as [`Error::BeforeCommit`], or unchanged if it is an [`Error`] or a `sqlx::Error`. Hooks
    /// share the boundary's timeout. Hooks registered inside a [`savepoint`](Self::savepoint) that is rolled back are
    /// dropped with it.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::sqlite::Session;
    ///
    /// fn books_must_balance(tx: &mut Session) {
    ///     tx.before_commit(async |tx| {
    ///         let sum: i64 = sqlx::query_scalar("select coalesce(sum(cents), 0) from entries").fetch_one(&mut *tx).await?;
    ///         if sum == 0 { Ok(()) } else { Err(Box::<dyn std::error::Error + Send + Sync>::from("the books do not balance")) }
    ///     });
    /// }
    /// # }
    /// ```
    pub fn before_commit<E, F>(&mut self, hook: F)
    where
        F: AsyncFnOnce(&mut Session<DB>) -> Result<(), E> + Send + 'static,
        F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<(), E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
    {
        self.core.hooks.before_commit(hook);
    }

    /// Makes the transaction roll back at its end. Statements still run, but if the body returns `Ok`, the boundary is
    /// rolled back and returns [`Error::RollbackOnly`] with this reason.
    ///
    /// This applies to the whole transaction: rolling back a [`savepoint`](Self::savepoint) does not revoke it. If it
    /// is called several times, the first reason is reported.
    pub fn rollback_only(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.core.fitness.rollback_only(|| reason.into());
    }

    /// Returns sqlx's connection itself, for a library that accepts nothing else.
    ///
    /// Statements on it are not checked, counted or logged. In a router, a service and a job the call needs
    /// `allow(unguarded, reason = "..")`. Before its next statement, and before the commit, the session proves that the
    /// transaction is still the one that was begun.
    ///
    /// The connection may carry state afterwards that the session does not know. On PostgreSQL it is reset
    /// (`DISCARD ALL`) after the end of the boundary, off the caller's path, and returned to the pool; one from a pool of
    /// the user's own is closed instead, since the reset would undo the settings of its `after_connect`. On MySQL and
    /// MariaDB, which reset a session by no statement, it is closed. On SQLite it is kept as it is.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// use demarcate::service;
    /// use demarcate::sqlite::Session;
    ///
    /// #[service(allow(unguarded, reason = "the extension takes a connection"))]
    /// async fn load(tx: &mut Session) -> Result<(), demarcate::Error> {
    ///     let connection: &mut sqlx::SqliteConnection = tx.unguarded().await?;
    ///     sqlx::query("select 1").execute(&mut *connection).await?;
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Aborted`] if the session has failed, and the errors of a transaction that cannot be begun.
    ///
    /// # Cancel safety
    ///
    /// The session does not notice that a statement on the raw connection was dropped. If the answer of the statement
    /// is still outstanding, the proof fails, and the boundary does not commit.
    pub async fn unguarded(&mut self) -> Result<&mut DB::Connection, Error> {
        self.core.lend_connection().await
    }
}

impl<DB: Backend> fmt::Debug for Session<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("boundary", &self.core.site())
            .field("begun", &self.core.connection.is_some())
            .field("failed", &self.core.fitness.failure().is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
mod tests {
    use super::Session;

    /// As a repository is: it holds the session that it was lent.
    #[allow(dead_code, reason = "there for its type")]
    struct Repository<'c, S: ?Sized>(&'c mut S);

    fn is_send_and_sync<T: Send + Sync + ?Sized>() {}

    fn is_shared<S: Send + Sync + ?Sized + 'static>() {
        is_send_and_sync::<S>();
        is_send_and_sync::<Repository<'_, S>>();
    }

    #[test]
    fn a_session_and_what_holds_it_can_be_shared_between_threads() {
        #[cfg(feature = "sqlite")]
        is_shared::<Session<sqlx::Sqlite>>();
        #[cfg(feature = "postgres")]
        is_shared::<Session<sqlx::Postgres>>();
        #[cfg(feature = "mysql")]
        is_shared::<Session<sqlx::MySql>>();
    }
}
