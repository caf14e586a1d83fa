//! Lends a connection outside any transaction.

use std::panic::Location;
use std::sync::Arc;

use sqlx::SqlSafeStr;
use tokio::time::Instant;
use tracing::Span;

use crate::backend::{Backend, BeginReply, Recognition, connect_error};
use crate::classify::{Fate, classify};
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::options::effective::Effective;
use crate::pool::access_mode::AccessMode;
use crate::pool::lease::{ConnectionState, Lease};
use crate::pool::overload::Queueing;
use crate::scope::activity::Activity;
use crate::scope::current::{self, Frame};
use crate::scope::place::{ErrorContext, TransactionId};
use crate::scope::site::{Site, SiteKind};
use crate::util::send_closure::SendOnce;

impl<DB: Backend> SessionFactory<DB> {
    /// Lends a connection of the pool to `body` outside any transaction, for what the database does not run inside one:
    /// `VACUUM`, `CREATE INDEX CONCURRENTLY`, `ALTER SYSTEM`, `PRAGMA journal_mode`.
    ///
    /// The connection is sqlx's own, and no session, so services cannot be called with it. Each statement commits by itself, and
    /// none is checked, counted or logged. Call it from a plain handler, a job or `main`, and not in a router or a service.
    ///
    /// A transaction that is still open is rolled back. Settings do not reach the next user of the connection: on PostgreSQL
    /// the session is reset (`DISCARD ALL`); on MySQL and MariaDB, and if the pool is the user's own, the connection is closed.
    /// On SQLite they stay, as `PRAGMA journal_mode` should.
    ///
    /// No timeout applies, except to getting the connection: such a statement may take hours. Set one with
    /// `tokio::time::timeout`.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// use demarcate::sqlite::SessionFactory;
    ///
    /// let db = SessionFactory::connect("sqlite::memory:").await?;
    /// db.connection(async |connection| {
    ///     sqlx::query("vacuum").execute(&mut *connection).await?;
    ///     Ok::<_, demarcate::Error>(())
    /// })
    /// .await?;
    /// # Ok(())
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// The body's own error. [`Error::NestedBoundary`] inside a boundary of this factory, [`Error::Unsupported`] behind a
    /// pooler in transaction mode, which may run each statement on another connection; [`Error::Closed`], and the errors of
    /// getting a connection.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the statement that runs is stopped, and the connection is closed or reset.
    #[track_caller]
    pub fn connection<T, E, F>(&self, body: F) -> impl Future<Output = Result<T, E>>
    where
        F: AsyncFnOnce(&mut DB::Connection) -> Result<T, E>,
        F: for<'c> SendOnce<&'c mut DB::Connection, Out = Result<T, E>>,
        E: From<Error>,
    {
        let caller = Location::caller();
        let site = Site::new(
            "connection",
            SiteKind::Connection,
            caller.file(),
            caller.line(),
        );
        async move {
            let mut lease = lend(self, site)
                .await
                .map_err(|error| error.at(|| ErrorContext::of_boundary(site)))?;
            let transaction = TransactionId::random();
            let activity = Activity::new(site, transaction, 1, false, DB::DIALECT, Span::none());
            let parts = lease.parts();
            *parts.state = ConnectionState::Busy;
            let inside = Frame::new(activity, self.pool().identity()).scope(body(parts.connection));
            let Some(result) = self.pool().stop_token().run(inside).await else {
                let place = ErrorContext::of_boundary(site);
                return Err(Error::Closed { place }.into());
            };
            // A reset fails inside a transaction, and the connection is closed; a ROLLBACK outside one would be a warning in
            // the log.
            *lease.parts().state = match DB::RESET {
                Some(_) => ConnectionState::Clean,
                None => ConnectionState::Open,
            };
            // In the background, as after a transaction.
            drop(lease);
            result
        }
    }
}

/// Takes a connection that is reset or closed when the lease ends.
async fn lend<DB: Backend>(db: &SessionFactory<DB>, site: Site) -> Result<Lease<DB>, Error> {
    db.engine().admit(site, false)?;
    let pool = db.pool();
    let mut dead = 0;
    let mut queueing = Queueing::Until(Instant::now() + pool.patience());
    loop {
        pool.require_session(
            "connection that could be lent outside a transaction",
            "connect to the server itself for such statements, with a factory of their own",
        )?;
        let connection = pool
            .acquire_or_refuse(site, queueing, AccessMode::Configured)
            .await?;
        queueing = Queueing::Always;
        let is_reused = connection.is_reused();
        let mut lease = Lease::new(connection, Arc::new(Effective::default()));
        lease.taint();
        lease.changes_schema();
        db.replicas().writes(current::task());
        // Without its number another connection could not stop its statement.
        let Some(ask) = DB::ASK_PROCESS else {
            lease.begin(BeginReply::default());
            return Ok(lease);
        };
        let answer = async {
            lease.write_again().await?;
            DB::run_for_row(lease.parts().connection, ask.into_sql_str()).await
        };
        match answer.await.and_then(DB::begun) {
            Ok(begun) => {
                if DB::recognize(lease.fitting(), &begun) == Recognition::NewSession {
                    lease.discard_as(Fate::Shared);
                    continue;
                }
                lease.begin(begun);
                return Ok(lease);
            }
            // It died while it was idle.
            Err(error)
                if is_reused && classify(&error).fate == Fate::Lost && dead < pool.size() =>
            {
                dead += 1;
                lease.discard();
            }
            Err(error) => return Err(connect_error::<DB>(error)),
        }
    }
}
