//! Opens boundaries on a connection pool.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::backend::Backend;
use crate::body::{SendMut, SendOnce};
use crate::boundary::{self, Verdict};
use crate::comments::SqlComments;
use crate::durations::{Durations, Histogram};
use crate::error::Error;
use crate::health::History;
use crate::job::{self, Job, JobError, JobHandle};
use crate::nesting;
use crate::options::TxOptions;
use crate::pool::{Pool, PoolStatus};
use crate::register::Register;
use crate::replicas::Replicas;
use crate::session::Session;
use crate::settings::{Options, Pooler, Settings};
use crate::site::{Kind, Site};
use crate::startup;
use crate::stats::{BoundaryStats, Record, Stats};
use crate::stock::Limits;
use crate::stop::Stop;
use crate::trail::{OpenBoundary, Trail};

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
    replicas: Replicas<DB>,
    defaults: TxOptions,
    watch: Watch,
    stats: Stats,
    history: History,
    open: Register<Arc<Trail>>,
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
            limits: Limits {
                max_connections: Builder::<DB>::MAX_CONNECTIONS,
                min_connections: 0,
                acquire_timeout: Builder::<DB>::ACQUIRE_TIMEOUT,
                max_lifetime: Some(Builder::<DB>::MAX_LIFETIME),
                idle_timeout: Some(Builder::<DB>::IDLE_TIMEOUT),
            },
            startup_timeout: None,
            application_name: None,
            watch: Watch::default(),
            defaults: TxOptions::new(),
            replicas: Vec::new(),
        }
    }

    fn over(pool: Pool<DB>, replicas: Vec<Pool<DB>>, defaults: TxOptions, watch: Watch) -> Self {
        #[cfg(feature = "metrics")]
        crate::meters::describe();
        Self {
            inner: Arc::new(Inner {
                pool,
                replicas: Replicas::new(replicas),
                defaults,
                watch,
                stats: Stats::default(),
                history: History::default(),
                open: Register::default(),
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

    /// How long the statements of all boundaries took so far.
    pub fn statement_times(&self) -> Durations {
        self.inner.stats.statements().now()
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
        let open = self.inner.open.now(Arc::clone);
        open.iter().map(|trail| trail.look()).collect()
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
    /// A pool is named by the database; those of the replicas by that and a number.
    #[cfg(feature = "metrics")]
    pub fn record_pool_metrics(&self) {
        crate::meters::pool(DB::TITLE, &self.pool_status());
        for (n, status) in self.replica_status().iter().enumerate() {
            crate::meters::pool(&format!("{} replica {n}", DB::TITLE), status);
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
        if nesting::is_let_in(pool.identity()) {
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

    /// Whether the caller may open a boundary, or start a job: always, until the factory closes.
    pub(crate) fn lets_in(&self) -> bool {
        let pool = self.pool();
        !pool.is_closing() || nesting::is_let_in(pool.identity())
    }

    pub(crate) fn pool(&self) -> &Pool<DB> {
        &self.inner.pool
    }

    pub(crate) fn replicas(&self) -> &Replicas<DB> {
        &self.inner.replicas
    }

    pub(crate) fn defaults(&self) -> &TxOptions {
        &self.inner.defaults
    }

    pub(crate) fn downgrade(&self) -> WeakFactory<DB> {
        WeakFactory(Arc::downgrade(&self.inner))
    }

    /// What earlier looks at the database's health saw.
    pub(crate) fn history(&self) -> &History {
        &self.inner.history
    }

    /// Whether statements are logged.
    pub(crate) fn echoes(&self) -> bool {
        self.inner.watch.sql_echo
    }

    /// What is put behind each of them.
    pub(crate) fn sql_comments(&self) -> Option<&SqlComments> {
        self.inner.watch.sql_comments.as_ref()
    }

    /// What is recorded of a boundary.
    pub(crate) fn record_of(&self, site: Site) -> Arc<Record> {
        self.inner.stats.of(site)
    }

    pub(crate) fn statement_histogram(&self) -> &Histogram {
        self.inner.stats.statements()
    }

    pub(crate) fn open(&self) -> &Register<Arc<Trail>> {
        &self.inner.open
    }
}

/// How statements are shown to others.
#[derive(Clone, Default)]
struct Watch {
    sql_echo: bool,
    sql_comments: Option<SqlComments>,
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

/// A factory that this does not keep from ending.
pub(crate) struct WeakFactory<DB: Backend>(Weak<Inner<DB>>);

impl<DB: Backend> WeakFactory<DB> {
    /// The factory, for as long as somebody else has it.
    pub(crate) fn upgrade(&self) -> Option<SessionFactory<DB>> {
        let inner = self.0.upgrade()?;
        Some(SessionFactory { inner })
    }
}

impl<DB: Backend> From<sqlx::Pool<DB>> for SessionFactory<DB> {
    /// Boundaries on a pool that is there already. It keeps its own habits: sqlx's pings a connection
    /// when it comes back, and by default before it is lent. A [`Pooler`] is known by its host and port;
    /// tell [`from_pool_behind`](Self::from_pool_behind) of any other.
    fn from(pool: sqlx::Pool<DB>) -> Self {
        let pooler = DB::pooler(&pool.connect_options());
        let pool = Pool::of(pool, pooler);
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
        Ok(Self::over(
            Pool::of(pool, pooler),
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
    limits: Limits,
    startup_timeout: Option<Duration>,
    application_name: Option<String>,
    watch: Watch,
    defaults: TxOptions,
    replicas: Vec<Result<Options<DB>, Error>>,
}

impl<DB: Backend> Builder<DB> {
    /// How many connections there are at most, where nothing else is said.
    pub const MAX_CONNECTIONS: usize = 10;

    /// How long a boundary waits for a connection, where nothing else is said.
    pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

    /// After what age a connection that nobody uses is replaced, where nothing else is said.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);

    /// After how long without use a connection is closed, where nothing else is said.
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10 * 60);

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
        self.replicas.extend(settings.replica_options::<DB>());
        let pool = &settings.pool;
        self.limits.max_connections = pool.max_connections();
        self.limits.acquire_timeout = pool.timeout;
        self.limits.max_lifetime = pool.recycle;
        self.limits.idle_timeout = pool.idle_timeout;
        self.startup_timeout = settings.startup_timeout;
        self.watch.sql_echo = settings.sql_echo;
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
        self.limits.max_connections = max_connections;
        self
    }

    /// How long a boundary waits for a connection: 30 s where it is not given. The boundary's own
    /// timeout holds as well.
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> Self {
        self.limits.acquire_timeout = acquire_timeout;
        self
    }

    /// A copy of the database that read-only boundaries with [`TxOptions::replica`] may run on. It has a pool of
    /// its own, with the same limits. Named several times there are several, which take turns; no connection
    /// to them is made before it is needed.
    ///
    /// What a replica gives may be behind the primary by any time. A boundary that prefers a replica runs on
    /// the primary where no replica can be reached or has a connection free within a second (those that come in the
    /// two seconds after it do not try), where it is serializable, and after the same task has committed something.
    /// One that requires a replica waits for it as for any connection, and fails there.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::{Replica, TxOptions};
    /// use demarcate::postgres::SessionFactory;
    ///
    /// let db = SessionFactory::builder()
    ///     .url("postgres://primary.internal/shop")
    ///     .replica("postgres://replica.internal/shop")
    ///     .defaults(TxOptions::new().replica(Replica::Prefer));
    /// # let _ = db;
    /// # }
    /// ```
    pub fn replica(mut self, url: &str) -> Self {
        let options = Settings::from_url(url).and_then(|settings| settings.options::<DB>());
        self.replicas.push(options);
        self
    }

    /// How many connections there are at least: none where it is not given. [`connect`](Self::connect)
    /// makes them, and one in any case; later they are made in the background.
    pub fn min_connections(mut self, min_connections: usize) -> Self {
        self.limits.min_connections = min_connections;
        self
    }

    /// After what age a connection that nobody uses is replaced: [30 minutes](Self::MAX_LIFETIME) where it is
    /// not given, never where it is `None`. One that is in use is never closed for its age.
    ///
    /// A database in memory keeps its only connection, and is gone with it.
    pub fn max_lifetime(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.limits.max_lifetime = age.into();
        self
    }

    /// After how long without use a connection is closed, as long as the least number of them is left:
    /// [10 minutes](Self::IDLE_TIMEOUT) where it is not given, never where it is `None`.
    pub fn idle_timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.limits.idle_timeout = time.into();
        self
    }

    /// How long [`connect`](Self::connect) waits for a database that is not there yet. Where it is not given, it
    /// does not.
    ///
    /// It tries again, after 50 ms at first and after up to 1 s later, where nobody listens, where the name of the
    /// host is not known, where there is no answer or the connection is closed, and where the server says that it
    /// starts. Each attempt is logged. A password, a user or a database that is wrong is told at once.
    ///
    /// ```no_run
    /// # #[cfg(feature = "postgres")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// use std::time::Duration;
    /// use demarcate::postgres::SessionFactory;
    ///
    /// // Started together with its database, as containers are.
    /// let db = SessionFactory::builder()
    ///     .url("postgres://app@db/shop")
    ///     .startup_timeout(Duration::from_secs(60))
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn startup_timeout(mut self, startup_timeout: Duration) -> Self {
        self.startup_timeout = Some(startup_timeout);
        self
    }

    /// Logs each statement when it is over: off where it is not given.
    ///
    /// It is an event of `tracing` with the target `demarcate::sql`, at the level `info`: the text; `boundary`;
    /// `duration`; how many rows were `affected` and `returned`; and `failed`, with the code of the database's error or
    /// `dropped`, where it did. Values are in none of these. Bound ones are no part of the text, and those that are
    /// written in it are shown as `?`; comments are left out, and what is longer than 1,000 bytes is cut. What stands
    /// in double quotes is a value on SQLite, and a name on PostgreSQL. What the session itself sends, begin, commit
    /// and savepoints, is not logged, and neither is what goes over [the raw connection](crate::Session::unguarded).
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")] {
    /// let db = demarcate::sqlite::SessionFactory::builder().url("sqlite::memory:").sql_echo(true);
    /// # let _ = db;
    /// # }
    /// // INFO demarcate::sql: select id from orders where sku = ? boundary=router `get_order` (src/orders.rs:12) \
    /// //                      duration=214µs affected=0 returned=1
    /// ```
    pub fn sql_echo(mut self, sql_echo: bool) -> Self {
        self.watch.sql_echo = sql_echo;
        self
    }

    /// Puts a comment behind each statement that names its boundary and its service, so that the server's own views
    /// and logs do: none where it is not given.
    pub fn sql_comments(mut self, comments: SqlComments) -> Self {
        self.watch.sql_comments = Some(comments);
        self
    }

    /// What the server's own views call the connections of this factory: `application_name` in
    /// `pg_stat_activity`. PostgreSQL only; up to 63 bytes of it are kept there.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
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

    /// Makes one connection, to prove that the settings are right, and waits for the database if there is a
    /// [`startup_timeout`](Self::startup_timeout).
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for settings that cannot be right, [`Error::Connect`] if the database does
    /// not let us in: with what to look at, after the startup timeout, or after the
    /// [time for a connection](Self::acquire_timeout) where there is none.
    pub async fn connect(self) -> Result<SessionFactory<DB>, Error> {
        let patience = self.startup_timeout;
        let db = self.connect_lazy()?;
        startup::connect::<DB, _, _>(patience, || db.pool().warm_up()).await?;
        db.pool().prove().await?;
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
        if self.limits.max_connections == 0 {
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
        let named = |options| match &self.application_name {
            Some(name) => DB::named(options, name),
            None => Ok(options),
        };
        let pool = Pool::new(named(settings)?, pooler, self.limits);
        let replicas = self.replicas.into_iter().map(|options| {
            let limits = Limits {
                min_connections: 0,
                ..self.limits
            };
            Ok::<_, Error>(Pool::new(named(options?)?, pooler, limits))
        });
        let replicas = replicas.collect::<Result<_, _>>()?;
        Ok(SessionFactory::over(pool, replicas, defaults, self.watch))
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
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
