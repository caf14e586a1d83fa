//! The capability to run statements inside a transaction, and nothing more.

use std::fmt;

use crate::backend::Backend;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::hooks::AfterCommit;
use crate::options::TxOptions;
use crate::site::Site;
use crate::transaction::Core;

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
    pub(crate) fn new(db: SessionFactory<DB>, site: Site, options: TxOptions) -> Self {
        Self {
            core: Core::new(db, site, options),
            held: [],
        }
    }
}

impl<DB: Backend> Session<DB> {
    /// The boundary that this session belongs to.
    pub fn boundary(&self) -> Site {
        self.core.site
    }

    /// Does something once the transaction has been committed, and never if it is not.
    ///
    /// A future of `()` is awaited before the boundary returns, so that a cache is invalidated before
    /// the response leaves. A [`Job`](crate::Job) is started and not waited for. They run in the order
    /// in which they were registered, on a task of their own, each by itself: one that panics is
    /// logged, and the others run. Those registered inside a [`savepoint`](Self::savepoint) that is
    /// rolled back are dropped with it.
    pub fn after_commit(&mut self, hook: impl AfterCommit<DB>) {
        self.core.hooks.push(hook.into_hook());
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

    /// Lifts a rule of the statement guard, by its code, for the rest of the boundary. A connection on
    /// which a statement then leaves something is closed at the end.
    #[doc(hidden)]
    pub fn __allow(&mut self, rule: &'static str) {
        self.core.allowed.insert(rule);
    }
}

impl<DB: Backend> fmt::Debug for Session<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("boundary", &self.core.site)
            .field("begun", &self.core.lease.is_some())
            .field("failed", &self.core.failure.is_some())
            .finish_non_exhaustive()
    }
}
