//! Opens boundaries on a connection pool.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Backend;
use crate::body::{SendMut, SendOnce};
use crate::boundary::{self, Verdict};
use crate::error::Error;
use crate::job::{self, Job, JobError, JobHandle};
use crate::nesting;
use crate::options::TxOptions;
use crate::pool::Pool;
use crate::session::Session;
use crate::settings::{Options, Pooler, Settings};
use crate::site::{Kind, Site};
use crate::stats::{BoundaryStats, Outcome, Sent, Stats};
use crate::stop::Stop;

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
pub struct SessionFactory<DB: Backend> {
    inner: Arc<Inner<DB>>,
}

struct Inner<DB: Backend> {
    pool: Pool<DB>,
    defaults: TxOptions,
    stats: Stats,
}

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
        Builder {
            settings: None,
            shown: Pooler::None,
            pooler: None,
            max_connections: Builder::<DB>::MAX_CONNECTIONS,
            acquire_timeout: Builder::<DB>::ACQUIRE_TIMEOUT,
            defaults: TxOptions::new(),
        }
    }

    fn over(pool: Pool<DB>, defaults: TxOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                pool,
                defaults,
                stats: Stats::default(),
            }),
        }
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
                self,
                TxOptions::new(),
                Stop::never(),
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
            boundary::run_again(site, self, options, Stop::never(), body, Verdict::of)
                .await
                .map_err(|failed| failed.into_error(E::from))
        }
    }

    /// Runs a job here and now, in a session of its own, and gives what it gave.
    ///
    /// # Errors
    ///
    /// [`JobError`], after the job's `on_error` has run. Inside a boundary of this factory it is an
    /// error that holds [`Error::NestedBoundary`]: give the job to
    /// [`Session::after_commit`](crate::Session::after_commit) there.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the job is rolled back, and its `on_error` does not run. [`spawn`](Self::spawn) it
    /// where it should outlive its caller.
    pub async fn run<T: Send + 'static>(&self, job: Job<DB, T>) -> Result<T, JobError> {
        job::run(self, job).await
    }

    /// Starts a job on a task of its own. The handle awaits to what [`run`](Self::run) gives; dropped,
    /// it leaves the job to run.
    pub fn spawn<T: Send + 'static>(&self, job: Job<DB, T>) -> JobHandle<T> {
        job::spawn(self, job)
    }

    /// What each boundary has done so far, in the order of the source.
    pub fn stats(&self) -> Vec<(Site, BoundaryStats)> {
        self.inner.stats.snapshot()
    }

    /// Refuses new boundaries with [`Error::Closed`], waits until the open ones and the rollbacks of
    /// those that were dropped are done, and closes every connection.
    ///
    /// A job that opens boundaries is not waited for between two of them; the next is refused. Called
    /// inside a boundary of this factory, which would wait for itself, it returns at once, and the rest
    /// happens when that boundary is done.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it has refused new boundaries, and closes nothing.
    pub async fn close(&self) {
        let pool = self.pool();
        if nesting::holder(pool.identity()).is_some() {
            pool.start_closing();
            let db = self.clone();
            tokio::spawn(async move { db.pool().close().await });
        } else {
            pool.close().await;
        }
    }

    pub(crate) fn pool(&self) -> &Pool<DB> {
        &self.inner.pool
    }

    pub(crate) fn defaults(&self) -> &TxOptions {
        &self.inner.defaults
    }

    pub(crate) fn count_retry(&self, site: Site) {
        self.inner.stats.count_retry(site);
    }

    pub(crate) fn stats_of(&self, site: Site, outcome: Outcome, sent: Sent) {
        self.inner.stats.record(site, outcome, sent);
    }
}

/// A closure has no name. Its place tells it apart.
fn closure(caller: &'static Location<'static>) -> Site {
    Site::new("transaction", Kind::Closure, caller.file(), caller.line())
}

impl<DB: Backend> Clone for SessionFactory<DB> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<DB: Backend> From<sqlx::Pool<DB>> for SessionFactory<DB> {
    /// Boundaries on a pool that is there already. It keeps its own habits: sqlx's pings a connection
    /// when it comes back, and by default before it is lent. A [`Pooler`] is known by its host and port;
    /// tell [`from_pool_behind`](Self::from_pool_behind) of any other.
    fn from(pool: sqlx::Pool<DB>) -> Self {
        let pooler = DB::pooler(&pool.connect_options());
        Self::over(Pool::of(pool, pooler), TxOptions::new())
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
        Self::from_pool_behind(pool, pooler, defaults)
    }

    /// The same for a pool of connections to a [`Pooler`] that its host and port do not show. Give its
    /// options `extra_float_digits(None)`, which PgBouncer does not take.
    ///
    /// # Errors
    ///
    /// As [`from_pool`](Self::from_pool), and [`Error::Unsupported`] for a database without poolers.
    pub fn from_pool_behind(
        pool: sqlx::Pool<DB>,
        pooler: Pooler,
        defaults: TxOptions,
    ) -> Result<Self, Error> {
        let pooler = check_pooler::<DB>(pooler)?;
        let defaults = check_defaults::<DB>(defaults)?;
        Ok(Self::over(Pool::of(pool, pooler), defaults))
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

/// Settings of the connections of a [`SessionFactory`] and of their pool.
///
/// ```no_run
/// # #[cfg(feature = "postgres")]
/// # async fn example() -> Result<(), demarcate::Error> {
/// use std::time::Duration;
/// use demarcate::postgres::SessionFactory;
///
/// let db = SessionFactory::builder()
///     .url("postgres://localhost/shop")
///     .max_connections(20)
///     .acquire_timeout(Duration::from_secs(3))
///     .connect()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `connect` or `connect_lazy`"]
pub struct Builder<DB: Backend> {
    settings: Option<Result<Options<DB>, Error>>,
    /// The pooler that the settings show.
    shown: Pooler,
    /// The one that was said.
    pooler: Option<Pooler>,
    max_connections: usize,
    acquire_timeout: Duration,
    defaults: TxOptions,
}

impl<DB: Backend> Builder<DB> {
    /// How many connections there are at most, where nothing else is said.
    pub const MAX_CONNECTIONS: usize = 10;

    /// How long a boundary waits for a connection, where nothing else is said.
    pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

    /// The database's URL, as [`Settings`] reads it.
    pub fn url(mut self, url: &str) -> Self {
        match Settings::from_url(url) {
            Ok(settings) => self.of(&settings),
            Err(error) => {
                self.settings = Some(Err(error));
                self
            }
        }
    }

    fn of(mut self, settings: &Settings) -> Self {
        self.settings = Some(settings.options::<DB>());
        self.shown = settings.pooler;
        self
    }

    /// The database, and the limits of the pool, that the settings name.
    pub fn settings(mut self, settings: &Settings) -> Self {
        self = self.of(settings);
        self.max_connections = settings.pool.max_connections();
        self.acquire_timeout = settings.pool.timeout;
        self
    }

    /// What a URL cannot say: the database's own options of sqlx, in place of one.
    pub fn options(mut self, options: Options<DB>) -> Self {
        self.shown = DB::pooler(&options);
        self.settings = Some(Ok(options));
        self
    }

    /// Changes what the [`url`](Self::url) gave, by the database's own options of sqlx: what a URL
    /// cannot say. Without effect before `url` or [`options`](Self::options).
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// let db = demarcate::sqlite::SessionFactory::builder()
    ///     .url("sqlite://orders.db")
    ///     .configure(|options| options.create_if_missing(true))
    ///     .max_connections(4);
    /// # let _ = db;
    /// # }
    /// ```
    pub fn configure(mut self, change: impl FnOnce(Options<DB>) -> Options<DB>) -> Self {
        self.settings = self.settings.map(|settings| settings.map(change));
        self
    }

    /// What stands between the program and the server, where the [settings](Settings) do not show it or
    /// show something else. [`verify_pooler`](SessionFactory::verify_pooler) tells whether that is so.
    ///
    /// Behind a pooler in transaction mode every statement is sent unnamed, and nothing is left on the
    /// server's session: `prepare` and `describe` are refused, and what a service was
    /// [allowed](crate::service) to leave there goes with its transaction.
    pub fn pooler(mut self, pooler: Pooler) -> Self {
        self.pooler = Some(pooler);
        self
    }

    /// How many connections there are at most: 10 where it is not given. A database in memory has one.
    pub fn max_connections(mut self, max_connections: usize) -> Self {
        self.max_connections = max_connections;
        self
    }

    /// How long a boundary waits for a connection: 30 s where it is not given. The boundary's own
    /// timeout holds as well.
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> Self {
        self.acquire_timeout = acquire_timeout;
        self
    }

    /// The options of every boundary of this factory, where the boundary itself does not say otherwise.
    ///
    /// A default `retry` holds for bodies that can be run again: those of
    /// [`transaction_with`](SessionFactory::transaction_with). A router and a job say `retry` themselves,
    /// since their arguments are cloned for it. A default `confirm_commit` does not hold for a read-only
    /// boundary, nor does a default `deferrable` for one that is not serializable and read-only.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use std::time::Duration;
    /// use demarcate::{Isolation, TxOptions};
    /// use demarcate::postgres::SessionFactory;
    ///
    /// let db = SessionFactory::builder()
    ///     .url("postgres://localhost/shop")
    ///     .defaults(
    ///         TxOptions::new()
    ///             .isolation(Isolation::RepeatableRead)
    ///             .timeout(Duration::from_secs(10))
    ///             .lock_timeout(Duration::from_secs(2)),
    ///     );
    /// # let _ = db;
    /// # }
    /// ```
    pub fn defaults(mut self, defaults: TxOptions) -> Self {
        self.defaults = defaults;
        self
    }

    /// Makes one connection, to prove that the settings are right.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that cannot be right, [`Error::Connect`] if the database does
    /// not let us in.
    pub async fn connect(self) -> Result<SessionFactory<DB>, Error> {
        let db = self.connect_lazy()?;
        db.pool().acquire().await?.give_back();
        Ok(db)
    }

    /// Makes no connection before the first statement of the first boundary.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that cannot be right.
    pub fn connect_lazy(self) -> Result<SessionFactory<DB>, Error> {
        let settings = self.settings.ok_or_else(|| {
            Error::config("no database was named; give the builder a `url` or `options`")
        })??;
        if self.max_connections == 0 {
            return Err(Error::config(
                "a pool of no connections serves nobody; give `max_connections` at least 1",
            ));
        }
        let pooler = match self.pooler {
            Some(pooler) => check_pooler::<DB>(pooler)?,
            None if DB::HAS_POOLERS => self.shown,
            None => Pooler::None,
        };
        let defaults = check_defaults::<DB>(self.defaults)?;
        let pool = Pool::new(settings, pooler, self.max_connections, self.acquire_timeout)?;
        Ok(SessionFactory::over(pool, defaults))
    }
}

/// A pooler that nobody makes.
fn check_pooler<DB: Backend>(pooler: Pooler) -> Result<Pooler, Error> {
    if pooler != Pooler::None && !DB::HAS_POOLERS {
        return Err(Error::unsupported(
            DB::TITLE,
            format!("pooler in {pooler} mode"),
            "leave `pooler` out",
        ));
    }
    Ok(pooler)
}

/// Defaults that no boundary could honour, or that make no sense for all of them.
fn check_defaults<DB: Backend>(defaults: TxOptions) -> Result<TxOptions, Error> {
    if defaults.name.is_some() {
        return Err(Error::config(
            "a `name` among the defaults would name every boundary alike; give each its own",
        ));
    }
    defaults.check()?;
    DB::check(&defaults)?;
    Ok(defaults)
}

impl<DB: Backend> fmt::Debug for Builder<DB> {
    /// Without the connection's options, which hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("database", &DB::TITLE)
            .field("max_connections", &self.max_connections)
            .field("acquire_timeout", &self.acquire_timeout)
            .finish_non_exhaustive()
    }
}
