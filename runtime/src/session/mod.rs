//! The capability to run statements inside a transaction, and nothing more.

mod begin;
pub(crate) mod commit;
mod executor;
pub(crate) mod failure;
mod fitness;
mod guard;
pub(crate) mod hooks;
mod in_flight;
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
use crate::scope::site::Site;
use crate::session::hooks::Hook;
use crate::session::transaction::Core;
use crate::util::send_closure::SendOnce;

/// The session of a boundary: it runs statements, and neither begins, commits nor rolls back.
///
/// It is lent as `&mut Session` to the body of a boundary and by that to its services, and is a sqlx
/// [`Executor`](sqlx::Executor): give it to a query as `&mut *tx`.
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
/// The transaction is begun by the first statement; a body that sends none costs no round trip. A
/// statement that fails marks the session: later ones fail at once, without a round trip, with an
/// error that names the first, and the boundary does not commit even if its body returns `Ok`. A
/// failure that is meant to be survived belongs in a [`savepoint`](Self::savepoint).
///
/// # Cancel safety
///
/// A statement whose future or row stream is dropped before its end has an effect that nobody knows.
/// It marks the session as an error does.
///
/// # Why it cannot be moved
///
/// The type is unsized, though it holds nothing of unknown size: what has no size cannot be moved,
/// swapped, replaced or stored, so that `std::mem::take` and its like are no way out of the boundary.
pub struct Session<DB: Backend, Held: ?Sized = [()]> {
    pub(crate) core: Core<DB>,
    /// Its length is what makes the type unsized.
    #[expect(dead_code, reason = "there for its type")]
    held: Held,
}

impl<DB: Backend> Session<DB, [(); 0]> {
    pub(crate) fn new(core: Core<DB>) -> Self {
        Self { core, held: [] }
    }
}

impl<DB: Backend> Session<DB> {
    /// The boundary that this session belongs to.
    pub fn boundary(&self) -> Site {
        self.core.site()
    }

    /// Does something once the transaction has been committed, and never if it is not.
    ///
    /// A future of `()` is awaited before the boundary returns, so that a cache is invalidated before
    /// the response leaves. A [`Job`](crate::Job) is started and not waited for. They run in the order
    /// in which they were registered, on a task of their own, each by itself: one that panics is
    /// logged, and the others run. Those registered inside a [`savepoint`](Self::savepoint) that is
    /// rolled back are dropped with it. Where the [outcome of the commit is unknown](Error::CommitUnknown)
    /// none runs, and the log says so.
    pub fn after_commit(&mut self, hook: impl Hook<DB>) {
        self.core.hooks.after_commit(hook.into_hook());
    }

    /// Does something once what the body did has been rolled back, and never if it was committed: removes
    /// the file whose record was not kept.
    ///
    /// It takes what [`after_commit`](Self::after_commit) takes. It runs after the rollback, which nobody
    /// waits for; also when the caller has gone, when the body panicked, and after each run that is
    /// [tried again](crate::Retry). Registered inside a [`savepoint`](Self::savepoint) that is rolled back,
    /// it runs at the end of the boundary, whatever becomes of that.
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

    /// Does something inside the transaction when the body has returned `Ok`, before the commit: a check
    /// over all that was written, or one statement for what many services have gathered.
    ///
    /// Hooks run in the order in which they were registered, those that a hook registers after it. `Err`
    /// rolls back: the boundary returns it as [`Error::BeforeCommit`], or as it is where it is an [`Error`]
    /// or a `sqlx::Error`. They share the boundary's timeout. Those registered inside a
    /// [`savepoint`](Self::savepoint) that is rolled back are dropped with it.
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

    /// Lets nothing of this transaction be kept: statements go on as before, and a boundary that then
    /// returns `Ok` is rolled back and returns [`Error::RollbackOnly`] with this reason.
    ///
    /// It is about the whole transaction: a [`savepoint`](Self::savepoint) that is rolled back does not take
    /// it back. Of several reasons the first is told.
    pub fn rollback_only(&mut self, reason: impl Into<Cow<'static, str>>) {
        self.core.fitness.rollback_only(|| reason.into());
    }

    /// The way out: sqlx's connection itself, for COPY, or for a library that takes nothing else.
    ///
    /// Nothing that is done on it is read, counted or remembered. In a router, a service and a job it
    /// needs `allow(unguarded, reason = "..")`. The session proves before its next statement, and
    /// before the commit, that the transaction is still the one that was begun; the connection is
    /// closed at the end, except on SQLite, since nobody knows what was left on it.
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
    /// [`Error::Aborted`] if the session has failed, and what keeps a transaction from being begun.
    ///
    /// # Cancel safety
    ///
    /// A statement that is dropped half-way on the connection is not noticed as one; where its answer
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
