//! Defines [`SessionFactory`], which connects to a database and opens boundaries on its pool.

pub(crate) mod builder;
mod connection;
#[cfg(feature = "migrate")]
mod migrate;
mod startup;
pub(crate) mod stream;
#[cfg(feature = "postgres")]
pub(crate) mod verify_pooler;

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::backend::Backend;
use crate::boundary::{self, Verdict};
use crate::engine::{Engine, Watch};
use crate::error::Error;
use crate::factory::builder::{Builder, check_defaults, check_pooler};
use crate::observe::histogram::LatencyHistogram;
use crate::observe::stats::BoundaryStats;
use crate::options::{RetryBudget, TxOptions};
use crate::pool::replicas::Replicas;
use crate::pool::{Pool, PoolStatus};
use crate::scope::activity::OpenBoundary;
use crate::scope::current;
use crate::scope::site::{Site, SiteKind};
use crate::session::Session;
use crate::settings::Pooler;
use crate::util::cancel::CancelToken;
use crate::util::contention::Contention;
use crate::util::extensions::Extensions;
use crate::util::send_closure::{SendMut, SendOnce};

/// Opens boundaries on a connection pool.
///
/// A factory is cheap to clone, and its clones share one pool. Store it in the state of an axum router, from which
/// `#[router_tx]` extracts it.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn example() -> Result<(), demarcate::Error> {
/// use demarcate::sqlite::SessionFactory;
///
/// let db = SessionFactory::connect("sqlite::memory:").await?;
/// let answer: i64 = db
///     .transaction(async |tx| {
///         let answer = sqlx::query_scalar("select 6 * 7").fetch_one(&mut *tx).await?;
///         Ok::<_, demarcate::Error>(answer)
///     })
///     .await?;
/// assert_eq!(answer, 42);
/// # Ok(())
/// # }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
pub struct SessionFactory<DB: Backend>(Arc<Engine<DB>>);

impl<DB: Backend> SessionFactory<DB> {
    /// Connects to the database at `url`, with the defaults of [`builder`](Self::builder). Opens one connection at
    /// once, to prove that the settings work.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a URL that cannot be parsed, [`Error::Connect`] if the database is unreachable or refuses
    /// the connection.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::builder().url(url).connect().await
    }

    /// Creates a factory for the database at `url` without connecting. The first statement of the first boundary opens
    /// a connection.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a URL that cannot be parsed.
    pub fn connect_lazy(url: &str) -> Result<Self, Error> {
        Self::builder().url(url).connect_lazy()
    }

    /// Returns a builder for the settings of the connections and their pool.
    pub fn builder() -> Builder<DB> {
        Builder::new()
    }

    /// Creates a factory on a primary's pool and the pools of its replicas.
    pub(crate) fn over(
        pool: Pool<DB>,
        replicas: Vec<Pool<DB>>,
        defaults: TxOptions,
        watch: Watch,
        contention: Contention,
    ) -> Self {
        Self(Engine::new(pool, replicas, defaults, watch, contention))
    }

    /// Runs `body` in a transaction. `Ok` commits, `Err` rolls back. A panic rolls back and is propagated.
    ///
    /// Write the closure as `async |tx| ..`. Where its error type cannot be inferred, name it: `Ok::<_, Error>(..)`. A function
    /// of your own that passes a closure on needs a bound for the closure's future, which the guide shows under "A wrapper of
    /// your own"; one that wraps the future that this returns needs none.
    ///
    /// # Errors
    ///
    /// The body's own error, unchanged. If the boundary did not commit, an [`Error`] converted to the body's type:
    /// [`Error::Aborted`] for a body that ignored the failure of a statement, [`Error::Timeout`] after
    /// [30 s](TxOptions::DEFAULT_TIMEOUT), [`Error::NestedBoundary`] inside another boundary of this factory, and the
    /// errors of the database at commit.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped before the body has completed, the transaction is rolled back, and the connection is
    /// not lent again before that. If it is dropped later, the commit and the hooks continue in the background.
    #[track_caller]
    pub fn transaction<T, E, F>(&self, body: F) -> impl Future<Output = Result<T, E>>
    where
        F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
        F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
        E: From<Error> + 'static,
    {
        let site = closure(Location::caller());
        async move {
            boundary::run(
                site,
                self.engine(),
                TxOptions::new(),
                CancelToken::never(),
                body,
                Verdict::from_result,
            )
            .await
            .map_err(|failed| failed.into_error(E::from))
        }
    }

    /// Runs `body` in a transaction with [`TxOptions`]. The closure can be called more than once, so the options may
    /// ask for [retries](crate::Retry).
    ///
    /// # Errors
    ///
    /// As [`transaction`](Self::transaction); [`Error::Unsupported`] for options that this database does not support,
    /// and [`Error::Config`] for invalid ones.
    ///
    /// # Cancel safety
    ///
    /// As [`transaction`](Self::transaction).
    #[track_caller]
    pub fn transaction_with<T, E, F>(
        &self,
        options: TxOptions,
        body: F,
    ) -> impl Future<Output = Result<T, E>>
    where
        F: AsyncFnMut(&mut Session<DB>) -> Result<T, E>,
        F: for<'s> SendMut<&'s mut Session<DB>, Out = Result<T, E>>,
        E: From<Error> + 'static,
    {
        let site = closure(Location::caller());
        async move {
            boundary::run_again(
                site,
                self.engine(),
                options,
                CancelToken::never(),
                body,
                Verdict::from_result,
            )
            .await
            .map_err(|failed| failed.into_error(E::from))
        }
    }

    /// Returns the statistics of each boundary, in the order of the source.
    pub fn stats(&self) -> Vec<(Site, BoundaryStats)> {
        self.0.stats().snapshot()
    }

    /// Returns the durations of the statements of all boundaries so far.
    pub fn statement_times(&self) -> LatencyHistogram {
        self.0.stats().statements().snapshot()
    }

    /// Returns the open boundaries and the current activity of each. The one open longest comes first.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// # use demarcate::sqlite::SessionFactory;
    /// let db = SessionFactory::connect("sqlite::memory:").await?;
    /// db.transaction(async |tx| {
    ///     sqlx::query("select 'secret'").execute(&mut *tx).await?;
    ///     let open = db.open_boundaries();
    ///     assert_eq!(open[0].boundary.name(), "transaction");
    ///     assert_eq!(open[0].statement.as_deref(), Some("select ?"));
    ///     Ok::<_, demarcate::Error>(())
    /// })
    /// .await
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn open_boundaries(&self) -> Vec<OpenBoundary> {
        // Copied, so that the registry is not locked while the activities are read.
        let open = self.0.open().map(Arc::clone);
        open.iter().map(|activity| activity.look()).collect()
    }

    /// Returns the state of the pool: the number of connections, of waiting boundaries, and the boundaries that hold
    /// connections.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// # use demarcate::sqlite::SessionFactory;
    /// let db = SessionFactory::connect("sqlite::memory:").await?;
    /// db.transaction(async |tx| {
    ///     sqlx::query("select 1").execute(&mut *tx).await?;
    ///     let status = db.pool_status();
    ///     assert_eq!(status.holders[0].boundary.name(), "transaction");
    ///     assert_eq!((status.connections, status.idle, status.waiting), (1, 0, 0));
    ///     Ok::<_, demarcate::Error>(())
    /// })
    /// .await
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn pool_status(&self) -> PoolStatus {
        self.pool().status()
    }

    /// Returns the state of each replica's pool, in the order in which the replicas were configured.
    pub fn replica_status(&self) -> Vec<PoolStatus> {
        self.replicas().pools().iter().map(Pool::status).collect()
    }

    /// Records the gauges of the pools in the `metrics` facade. Call it before a scrape is answered, or every few
    /// seconds. All other metrics are recorded automatically when a boundary ends.
    ///
    /// The pool is labelled with [its name](crate::Builder::pool_name), a replica's pool with that name and a number.
    #[cfg(feature = "metrics")]
    pub fn record_pool_metrics(&self) {
        let name = self.0.watch().pool_name.as_deref().unwrap_or(DB::TITLE);
        crate::observe::metrics::pool(name, &self.pool_status().gauges());
        for (n, status) in self.replica_status().iter().enumerate() {
            crate::observe::metrics::pool(&format!("{name} replica {n}"), &status.gauges());
        }
    }

    /// Closes the factory gracefully. Refuses new boundaries with [`Error::Closed`]; waits up to `grace` for open
    /// boundaries, for started jobs and their `on_error`, for hooks, and for rollbacks of dropped boundaries; then rolls
    /// back the remaining ones and closes every connection.
    ///
    /// A job that was started before may still open boundaries, and a job that is started by a commit still runs. A
    /// boundary that is stopped after `grace` returns [`Error::Closed`]; a job returns that error or
    /// [`JobError::Cancelled`](crate::JobError::Cancelled), and is logged at `warn`. A commit that was sent is awaited. A
    /// job that works in a loop learns from [`closing`](Self::closing) that it is to end.
    ///
    /// Inside a boundary, a job or a hook of this factory, `close` would wait for itself. There it returns at once, and
    /// the factory closes in the background.
    ///
    /// With axum, after the server has stopped:
    ///
    /// ```no_run
    /// # #[cfg(all(feature = "sqlite", feature = "axum"))] mod example {
    /// # use std::time::Duration;
    /// # use demarcate::sqlite::SessionFactory;
    /// # async fn serve(app: axum::Router, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Box<dyn std::error::Error>> {
    /// # struct Server; impl Server { fn with_graceful_shutdown(self, _: impl Future<Output = ()>) -> std::future::Ready<std::io::Result<()>> { std::future::ready(Ok(())) } }
    /// # let serve = |_: (), _: axum::Router| Server; let listener = ();
    /// let db = SessionFactory::connect("sqlite://orders.db").await?;
    /// serve(listener, app.clone()).with_graceful_shutdown(shutdown).await?;
    /// db.close(Duration::from_secs(10)).await;
    /// # Ok(()) }
    /// # }
    /// ```
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, new boundaries stay refused, and no connection is closed.
    pub async fn close(&self, grace: Duration) {
        let pool = self.pool();
        if current::is_let_in(pool.identity()) {
            pool.start_closing();
            let db = self.clone();
            tokio::spawn(async move { db.close_all(grace).await });
        } else {
            self.close_all(grace).await;
        }
    }

    /// Whether [`close`](Self::close) has been called on this factory or a clone of it.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// # use std::time::Duration;
    /// # use demarcate::sqlite::SessionFactory;
    /// let db = SessionFactory::connect("sqlite::memory:").await?;
    /// assert!(!db.is_closing());
    /// db.close(Duration::from_secs(10)).await;
    /// assert!(db.is_closing());
    /// # Ok(())
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn is_closing(&self) -> bool {
        self.pool().is_closing()
    }

    /// Waits until [`close`](Self::close) is called on this factory or a clone of it. Returns at once if it already was.
    ///
    /// A job that works in a loop ends by it: `close` waits for jobs, and cancels those that still run after its grace.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] mod example {
    /// use std::time::Duration;
    ///
    /// use demarcate::sqlite::{Session, SessionFactory};
    /// use demarcate::{Error, background_job, service};
    ///
    /// /// Takes one message from the queue, and says whether there was one.
    /// #[service]
    /// async fn take_one(tx: &mut Session) -> Result<bool, sqlx::Error> {
    ///     let delete = "delete from queue where id = (select min(id) from queue)";
    ///     Ok(sqlx::query(delete).execute(&mut *tx).await?.rows_affected() > 0)
    /// }
    ///
    /// /// A transaction for each message. An empty queue is looked at again after a second.
    /// #[background_job]
    /// async fn work(db: &SessionFactory) -> Result<(), Error> {
    ///     while !db.is_closing() {
    ///         let is_taken = db.transaction(async |tx| Ok::<_, Error>(take_one(tx).await?)).await?;
    ///         if !is_taken {
    ///             tokio::select! {
    ///                 () = db.closing() => break,
    ///                 () = tokio::time::sleep(Duration::from_secs(1)) => {}
    ///             }
    ///         }
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let db = SessionFactory::connect("sqlite::memory:").await?;
    /// # db.transaction(async |tx| {
    /// #     sqlx::raw_sql("create table queue (id integer primary key); insert into queue values (1), (2)").execute(&mut *tx).await?;
    /// #     Ok::<_, Error>(())
    /// # }).await?;
    /// let worker = db.spawn(work());
    /// # tokio::time::sleep(Duration::from_millis(200)).await;
    /// # let started = std::time::Instant::now();
    /// db.close(Duration::from_secs(10)).await; // the worker ends by itself, long before the grace is over
    /// # assert!(started.elapsed() < Duration::from_secs(5));
    /// worker.await?;
    /// # Ok(()) }
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example::main()).unwrap();
    /// ```
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing.
    pub async fn closing(&self) {
        self.pool().closing().await;
    }

    /// Closes the pool of the primary, and then those of the replicas.
    async fn close_all(&self, grace: Duration) {
        self.pool().close(grace).await;
        for replica in self.replicas().pools() {
            // No boundary is left on a replica, since the primary's pool counts every boundary.
            replica.close(grace).await;
        }
    }

    /// Returns the factory of a boundary's engine.
    pub(crate) fn from_engine(engine: Arc<Engine<DB>>) -> Self {
        Self(engine)
    }

    pub(crate) fn engine(&self) -> &Arc<Engine<DB>> {
        &self.0
    }

    pub(crate) fn pool(&self) -> &Pool<DB> {
        self.0.pool()
    }

    pub(crate) fn replicas(&self) -> &Replicas<DB> {
        self.0.replicas()
    }

    pub(crate) fn defaults(&self) -> &TxOptions {
        self.0.defaults()
    }

    /// Returns a reference that does not keep the factory alive.
    pub(crate) fn downgrade(&self) -> WeakFactory<DB> {
        WeakFactory(Arc::downgrade(&self.0))
    }

    /// Returns the values that higher layers store for this factory.
    pub(crate) fn extensions(&self) -> &Extensions {
        self.0.extensions()
    }
}

/// Returns the site of a closure. Closures have no name, so their file and line identify them.
fn closure(caller: &'static Location<'static>) -> Site {
    Site::new(
        "transaction",
        SiteKind::Closure,
        caller.file(),
        caller.line(),
    )
}

impl<DB: Backend> Clone for SessionFactory<DB> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A reference to a factory that does not keep it alive.
pub(crate) struct WeakFactory<DB: Backend>(Weak<Engine<DB>>);

impl<DB: Backend> WeakFactory<DB> {
    /// Returns the factory, if it is still alive.
    pub(crate) fn upgrade(&self) -> Option<SessionFactory<DB>> {
        self.0.upgrade().map(SessionFactory)
    }
}

impl<DB: Backend> From<sqlx::Pool<DB>> for SessionFactory<DB> {
    /// Creates a factory on an existing pool. The pool keeps its own settings: sqlx's pool pings a connection when it is
    /// returned, and by default before it is lent. A [`Pooler`] is recognised by its host and port; for any other, use
    /// [`from_pool_with_pooler`](Self::from_pool_with_pooler).
    fn from(pool: sqlx::Pool<DB>) -> Self {
        let pooler = DB::pooler(&pool.connect_options());
        let pool = Pool::from_sqlx(pool, pooler);
        Self::over(
            pool,
            Vec::new(),
            TxOptions::new(),
            Watch::default(),
            RetryBudget::new().contention(),
        )
    }
}

impl<DB: Backend> SessionFactory<DB> {
    /// Creates a factory on an existing pool, with [defaults](Builder::defaults).
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] for defaults that this database does not support, and [`Error::Config`] for invalid ones.
    pub fn from_pool(pool: sqlx::Pool<DB>, defaults: TxOptions) -> Result<Self, Error> {
        let pooler = DB::pooler(&pool.connect_options());
        Self::from_pool_with_pooler(pool, pooler, defaults)
    }

    /// Creates a factory on an existing pool whose connections go through a [`Pooler`] that its host and port do not
    /// reveal. Set `extra_float_digits(None)` in the connect options: PgBouncer rejects that parameter.
    ///
    /// # Errors
    ///
    /// As [`from_pool`](Self::from_pool), and [`Error::Unsupported`] for a database without poolers.
    pub fn from_pool_with_pooler(
        pool: sqlx::Pool<DB>,
        pooler: Pooler,
        defaults: TxOptions,
    ) -> Result<Self, Error> {
        let pooler = check_pooler::<DB>(pooler)?;
        let defaults = check_defaults::<DB>(defaults)?;
        Ok(Self::over(
            Pool::from_sqlx(pool, pooler),
            Vec::new(),
            defaults,
            Watch::default(),
            RetryBudget::new().contention(),
        ))
    }
}

impl<DB: Backend> fmt::Debug for SessionFactory<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFactory")
            .field("database", &DB::TITLE)
            .field("max_connections", &self.pool().size())
            .field("pooler", &self.pool().pooler())
            .finish_non_exhaustive()
    }
}
