//! Opens boundaries on a connection pool.

pub(crate) mod builder;
#[cfg(feature = "migrate")]
mod migrate;
mod startup;
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
use crate::options::TxOptions;
use crate::pool::replicas::Replicas;
use crate::pool::{Pool, PoolStatus};
use crate::scope::activity::OpenBoundary;
use crate::scope::current;
use crate::scope::site::{Site, SiteKind};
use crate::session::Session;
use crate::settings::Pooler;
use crate::util::cancel::CancelToken;
use crate::util::extensions::Extensions;
use crate::util::send_closure::{SendMut, SendOnce};

/// Opens boundaries on a connection pool.
///
/// It is cheap to clone, and clones are one: put it into the state of an axum router, where
/// `#[router_tx]` finds it.
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
    /// Connects to the database at `url`, with the defaults of [`builder`](Self::builder). One
    /// connection is made at once, to prove that the settings are right.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a URL that cannot be read, [`Error::Connect`] if the database does not
    /// let us in.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        Self::builder().url(url).connect().await
    }

    /// The same, with no connection made before the first statement of the first boundary.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a URL that cannot be read.
    pub fn connect_lazy(url: &str) -> Result<Self, Error> {
        Self::builder().url(url).connect_lazy()
    }

    /// Settings of the connections and their pool.
    pub fn builder() -> Builder<DB> {
        Builder::new()
    }

    pub(crate) fn over(
        pool: Pool<DB>,
        replicas: Vec<Pool<DB>>,
        defaults: TxOptions,
        watch: Watch,
    ) -> Self {
        Self(Engine::new(pool, replicas, defaults, watch))
    }

    /// Runs `body` in a transaction. `Ok` commits, `Err` rolls back, and so does a panic, which then
    /// goes on to the caller.
    ///
    /// The closure is written `async |tx| ..`, and names its error where nothing else does:
    /// `Ok::<_, Error>(..)`.
    ///
    /// # Errors
    ///
    /// The body's own, unchanged; or one of [`Error`]'s, made into the body's type, where the boundary
    /// did not commit: [`Error::Aborted`] for a body that swallowed the failure of a statement,
    /// [`Error::Timeout`] after [30 s](TxOptions::DEFAULT_TIMEOUT), [`Error::NestedBoundary`] inside
    /// another boundary of this factory, and what the database says at commit.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its body is done, it is rolled back, and the connection is not lent to anyone
    /// before that has happened. Dropped after that, the commit goes on without the caller, and so do
    /// the hooks.
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
                Verdict::of,
            )
            .await
            .map_err(|failed| failed.into_error(E::from))
        }
    }

    /// The same with [`TxOptions`]. It takes a closure that can be run again, so that an option may
    /// ask for that.
    ///
    /// # Errors
    ///
    /// As [`transaction`](Self::transaction), and [`Error::Unsupported`] and [`Error::Config`] for
    /// options that this database, or none, can honour.
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
                Verdict::of,
            )
            .await
            .map_err(|failed| failed.into_error(E::from))
        }
    }

    /// What each boundary has done so far, in the order of the source.
    pub fn stats(&self) -> Vec<(Site, BoundaryStats)> {
        self.0.stats().snapshot()
    }

    /// How long the statements of all boundaries took so far.
    pub fn statement_times(&self) -> LatencyHistogram {
        self.0.stats().statements().snapshot()
    }

    /// The boundaries that are open now, and what each of them is at. Who has been open longest comes first.
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
        // The register is not held while each of them is looked at.
        let open = self.0.open().map(Arc::clone);
        open.iter().map(|activity| activity.look()).collect()
    }

    /// What the pool is doing now: how many connections there are, who waits, and who holds what.
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

    /// The same of each replica's pool, in the order in which they were named.
    pub fn replica_status(&self) -> Vec<PoolStatus> {
        self.replicas().pools().iter().map(Pool::status).collect()
    }

    /// Tells the `metrics` facade what the pools are doing now: call it before a scrape is answered, or every few
    /// seconds. (All else is told by itself, whenever a boundary ends.)
    ///
    /// A pool has [its name](crate::Builder::pool_name); those of the replicas that and a number.
    #[cfg(feature = "metrics")]
    pub fn record_pool_metrics(&self) {
        let name = self.0.watch().pool_name.as_deref().unwrap_or(DB::TITLE);
        crate::observe::metrics::pool(name, &self.pool_status().gauges());
        for (n, status) in self.replica_status().iter().enumerate() {
            crate::observe::metrics::pool(&format!("{name} replica {n}"), &status.gauges());
        }
    }

    /// Ends well: refuses new boundaries with [`Error::Closed`], waits up to `grace` for the open ones, for
    /// jobs that were started, their `on_error` included, for hooks, and for the rollbacks of what was
    /// dropped; rolls back what is left then; and closes every connection.
    ///
    /// A job that was started before opens its boundaries to its end, and a job that a commit starts runs as
    /// well. A boundary that is ended after `grace` returns [`Error::Closed`], a job
    /// [`JobError::Cancelled`] or that; a commit that was sent is waited for.
    ///
    /// Called inside a boundary, a job or a hook of this factory, which would wait for itself, it returns at
    /// once, and the rest happens when that is done.
    ///
    /// With axum, once it serves no more:
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
    /// Dropped, it has refused new boundaries, and closes nothing.
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

    async fn close_all(&self, grace: Duration) {
        self.pool().close(grace).await;
        for replica in self.replicas().pools() {
            // Nobody is left there: each boundary is counted on the primary as well.
            replica.close(grace).await;
        }
    }

    /// The factory of a boundary's engine.
    pub(crate) fn of(engine: Arc<Engine<DB>>) -> Self {
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

    pub(crate) fn downgrade(&self) -> WeakFactory<DB> {
        WeakFactory(Arc::downgrade(&self.0))
    }

    /// The values that higher layers keep for this factory.
    pub(crate) fn extensions(&self) -> &Extensions {
        self.0.extensions()
    }
}

/// A closure has no name. Its place tells it apart.
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

/// A factory that this does not keep from ending.
pub(crate) struct WeakFactory<DB: Backend>(Weak<Engine<DB>>);

impl<DB: Backend> WeakFactory<DB> {
    /// The factory, for as long as somebody else has it.
    pub(crate) fn upgrade(&self) -> Option<SessionFactory<DB>> {
        self.0.upgrade().map(SessionFactory)
    }
}

impl<DB: Backend> From<sqlx::Pool<DB>> for SessionFactory<DB> {
    /// Boundaries on a pool that is there already. It keeps its own habits: sqlx's pings a connection
    /// when it comes back, and by default before it is lent. A [`Pooler`] is known by its host and port;
    /// tell [`from_pool_with_pooler`](Self::from_pool_with_pooler) of any other.
    fn from(pool: sqlx::Pool<DB>) -> Self {
        let pooler = DB::pooler(&pool.connect_options());
        let pool = Pool::from_sqlx(pool, pooler);
        Self::over(pool, Vec::new(), TxOptions::new(), Watch::default())
    }
}

impl<DB: Backend> SessionFactory<DB> {
    /// Boundaries on a pool that is there already, with [defaults](Builder::defaults).
    ///
    /// # Errors
    ///
    /// [`Error::Config`] and [`Error::Unsupported`] for defaults that no boundary could honour.
    pub fn from_pool(pool: sqlx::Pool<DB>, defaults: TxOptions) -> Result<Self, Error> {
        let pooler = DB::pooler(&pool.connect_options());
        Self::from_pool_with_pooler(pool, pooler, defaults)
    }

    /// The same for a pool of connections to a [`Pooler`] that its host and port do not show. Give its
    /// options `extra_float_digits(None)`, which PgBouncer does not take.
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
