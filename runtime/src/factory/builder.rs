//! The builder of a session factory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use futures_util::future::Either;

use crate::backend::Backend;
use crate::engine::Watch;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::factory::startup;
use crate::observe::sql_comments::SqlComments;
use crate::options::{RetryBudget, TxOptions};
use crate::pool::Pool;
use crate::pool::own::{AfterConnect, Limits};
use crate::scope::site::{Site, SiteKind};
use crate::settings::{Options, Pooler, ReplicaOptions, Settings, TargetSessionAttrs};
use crate::util::contention::Contention;

/// Configures and makes a [`SessionFactory`].
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
    /// The connect options, or why there are none.
    settings: Option<Result<Options<DB>, Error>>,
    /// The user's pool, which is used in place of the connect options.
    pool: Option<sqlx::Pool<DB>>,
    /// The pooler that is detected from the settings.
    shown: Pooler,
    /// The pooler that the program sets.
    pooler: Option<Pooler>,
    /// The kind of server that the settings ask for.
    named_target: TargetSessionAttrs,
    /// The kind of server that the program asks for.
    target: Option<TargetSessionAttrs>,
    limits: Limits,
    startup_timeout: Option<Duration>,
    application_name: Option<String>,
    watch: Watch,
    defaults: TxOptions,
    retry_budget: Option<RetryBudget>,
    replicas: Vec<Result<ReplicaOptions<DB>, Error>>,
    after_connect: Option<AfterConnect<DB>>,
    /// The connections that jobs may hold at once, and those that everybody else may.
    shares: [Option<usize>; 2],
}

/// The holder of the connection on which `connect` asks what the server is.
const SITE: Site = Site::new("connect", SiteKind::Closure, file!(), line!());

impl<DB: Backend> Builder<DB> {
    /// The default of [`max_connections`](Self::max_connections).
    pub const MAX_CONNECTIONS: usize = 10;

    /// The default of [`acquire_timeout`](Self::acquire_timeout).
    pub const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

    /// The default of [`max_lifetime`](Self::max_lifetime).
    pub const MAX_LIFETIME: Duration = Duration::from_secs(30 * 60);

    /// The default of [`idle_timeout`](Self::idle_timeout).
    pub const IDLE_TIMEOUT: Duration = Duration::from_secs(10 * 60);

    pub(crate) fn new() -> Self {
        Self {
            settings: None,
            pool: None,
            shown: Pooler::None,
            pooler: None,
            named_target: TargetSessionAttrs::Any,
            target: None,
            limits: Limits {
                max_connections: Self::MAX_CONNECTIONS,
                min_connections: 0,
                acquire_timeout: Self::ACQUIRE_TIMEOUT,
                max_lifetime: Some(Self::MAX_LIFETIME),
                idle_timeout: Some(Self::IDLE_TIMEOUT),
                max_waiting: None,
            },
            startup_timeout: None,
            application_name: None,
            watch: Watch::default(),
            defaults: TxOptions::new(),
            retry_budget: Some(RetryBudget::new()),
            replicas: Vec::new(),
            after_connect: None,
            shares: [None; 2],
        }
    }

    /// Sets the URL of the database. [`Settings`] documents its form.
    pub fn url(mut self, url: &str) -> Self {
        match Settings::from_url(url) {
            Ok(settings) => self.of(&settings),
            Err(error) => {
                self.settings = Some(Err(error));
                self
            }
        }
    }

    /// Takes the database from the settings, and not the limits of the pool.
    fn of(mut self, settings: &Settings) -> Self {
        self.settings = Some(settings.options::<DB>());
        self.shown = settings.pooler;
        self.named_target = settings.target_session_attrs;
        self
    }

    /// Takes the database, its replicas and the limits of the pool from the settings.
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

    /// Sets the connect options of sqlx, in place of a URL, for options that a URL cannot express.
    pub fn options(mut self, options: Options<DB>) -> Self {
        self.shown = DB::pooler(&options);
        self.settings = Some(Ok(options));
        self
    }

    /// Sets an existing pool of sqlx, in place of a URL. The pool keeps its own limits and connect options; the limits of
    /// this builder are those of its [replicas](Self::replica).
    ///
    /// ```no_run
    /// # #[cfg(feature = "postgres")]
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use demarcate::postgres::SessionFactory;
    /// use demarcate::settings::TargetSessionAttrs;
    ///
    /// let pool = sqlx::PgPool::connect("postgres://localhost/shop").await?;
    /// let db = SessionFactory::builder()
    ///     .pool(pool)
    ///     .target_session_attrs(TargetSessionAttrs::Primary)
    ///     .connect()
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn pool(mut self, pool: sqlx::Pool<DB>) -> Self {
        self.shown = DB::pooler(&pool.connect_options());
        self.pool = Some(pool);
        self
    }

    /// Sets the kind of server on which boundaries may run. Each transaction asks for it in the round trip in which it
    /// begins; [`connect`](Self::connect) asks as well. The default is that of the URL, or any server.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::postgres::SessionFactory;
    /// use demarcate::settings::TargetSessionAttrs;
    ///
    /// // As with `?target_session_attrs=primary` in the URL.
    /// let db = SessionFactory::builder()
    ///     .url("postgres://db.internal/shop")
    ///     .target_session_attrs(TargetSessionAttrs::Primary);
    /// # let _ = db;
    /// # }
    /// ```
    pub fn target_session_attrs(mut self, target: TargetSessionAttrs) -> Self {
        self.target = Some(target);
        self
    }

    /// Changes the connect options of sqlx that were made from the [`url`](Self::url), for options that a URL cannot
    /// express. It has no effect before `url` or [`options`](Self::options).
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

    /// Sets the connection pooler between the program and the server, if it cannot be [detected](Pooler) from the settings
    /// or is detected wrongly. `SessionFactory::verify_pooler` checks it.
    ///
    /// Behind a pooler in transaction mode every statement is sent unnamed, and no state is left on the server's session:
    /// `prepare` and `describe` are rejected, and state that a service was [allowed](crate::service) to leave is removed
    /// at the end of its transaction.
    pub fn pooler(mut self, pooler: Pooler) -> Self {
        self.pooler = Some(pooler);
        self
    }

    /// Sets the largest number of connections. The default is 10. A database in memory has one.
    pub fn max_connections(mut self, max_connections: usize) -> Self {
        self.limits.max_connections = max_connections;
        self
    }

    /// Sets how long a boundary waits for a connection. The default is 30 s. The timeout of the boundary applies as well.
    pub fn acquire_timeout(mut self, acquire_timeout: Duration) -> Self {
        self.limits.acquire_timeout = acquire_timeout;
        self
    }

    /// Sets how many boundaries may wait for a connection. One more is refused at once, with
    /// [`Error::Overloaded`](crate::Error::Overloaded), a 503: whoever waits behind too many has gone before their turn, and
    /// the time that they take from others is lost. The default is 20 for each connection that the pool may have.
    ///
    /// A boundary for which a connection is being opened is not counted. Whatever the number, a boundary is refused that
    /// would wait for longer than it has time, as far as the time tells for which boundaries hold their connections. A pool
    /// of [sqlx's](Self::pool) is held to the same.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::postgres::SessionFactory;
    ///
    /// let db = SessionFactory::builder()
    ///     .url("postgres://localhost/shop")
    ///     .max_connections(10)
    ///     .max_waiting(50);
    /// # let _ = db;
    /// # }
    /// ```
    pub fn max_waiting(mut self, max_waiting: usize) -> Self {
        self.limits.max_waiting = Some(max_waiting);
        self
    }

    /// Sets how many connections background jobs may hold at once, so that requests find the others free whatever jobs there
    /// are. A job that finds none of its share waits for one, as [`max_waiting`](Self::max_waiting) says. The default is all.
    ///
    /// A job is what runs in a function marked `#[background_job]`, its `on_error` and the hooks after its commit. Each
    /// [replica](Self::replica) has shares of the same size.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::postgres::SessionFactory;
    ///
    /// let db = SessionFactory::builder()
    ///     .url("postgres://localhost/shop")
    ///     .max_connections(10)
    ///     .max_job_connections(4);
    /// # let _ = db;
    /// # }
    /// ```
    pub fn max_job_connections(mut self, connections: usize) -> Self {
        self.shares[0] = Some(connections);
        self
    }

    /// Sets how many connections everybody may hold at once who is no job, so that jobs find the others free. The default is
    /// all. See [`max_job_connections`](Self::max_job_connections).
    pub fn max_request_connections(mut self, connections: usize) -> Self {
        self.shares[1] = Some(connections);
        self
    }

    /// Adds a replica, on which read-only boundaries with [`TxOptions::replica`] may run. It has a pool of its own, with the
    /// same limits. Several replicas take turns. Connections to them are made on demand.
    ///
    /// A replica may lag behind the primary by any time. A boundary that prefers a replica runs on the primary
    ///
    /// * if no replica can be reached or has a free connection within a second, or within half of the time that the
    ///   boundary has left; for two seconds after that, boundaries do not try that replica;
    /// * if it is serializable;
    /// * after the same task has sent a commit, whatever its outcome, or has migrated.
    ///
    /// A boundary that requires a replica waits for it as for any connection, and fails if it gets none.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::{ReadPreference, TxOptions};
    /// use demarcate::postgres::SessionFactory;
    ///
    /// let db = SessionFactory::builder()
    ///     .url("postgres://primary.internal/shop")
    ///     .replica("postgres://replica.internal/shop")
    ///     .defaults(TxOptions::new().replica(ReadPreference::Prefer));
    /// # let _ = db;
    /// # }
    /// ```
    pub fn replica(mut self, url: &str) -> Self {
        let replica = Settings::from_url(url).and_then(|settings| {
            settings.target_session_attrs.check_replica()?;
            Ok((settings.options::<DB>()?, settings.pooler))
        });
        self.replicas.push(replica);
        self
    }

    /// Sets the smallest number of connections. The default is 0. [`connect`](Self::connect) opens them, and at least one;
    /// later they are opened in the background.
    pub fn min_connections(mut self, min_connections: usize) -> Self {
        self.limits.min_connections = min_connections;
        self
    }

    /// Sets the age at which an idle connection is replaced; `None` for never. The default is
    /// [30 minutes](Self::MAX_LIFETIME). A connection that is in use is never closed for its age.
    ///
    /// A database in memory keeps its only connection, since it would be lost with it.
    pub fn max_lifetime(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.limits.max_lifetime = age.into();
        self
    }

    /// Sets the idle time after which a connection is closed, unless it is one of the
    /// [smallest number](Self::min_connections); `None` for never. The default is [10 minutes](Self::IDLE_TIMEOUT).
    pub fn idle_timeout(mut self, time: impl Into<Option<Duration>>) -> Self {
        self.limits.idle_timeout = time.into();
        self
    }

    /// Sets how long [`connect`](Self::connect) waits for a database that does not accept connections yet. Without it,
    /// `connect` fails at the first error.
    ///
    /// `connect` tries again, after 50 ms at first and up to 1 s later, if the connection is refused or closed, if the host
    /// name cannot be resolved, if there is no answer, and if the server reports that it is starting up. Each attempt is
    /// logged. A wrong password, user or database is an error at once.
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

    /// Logs each statement when it ends. The default is `false`.
    ///
    /// The event has the target `demarcate::sql` and the level `info`. Its fields are the text; `boundary`; `duration`; the
    /// number of rows `affected` and `returned`; and `failed`, the code of the database's error or `dropped`, if the
    /// statement did not succeed. Values are never logged: bound values are not part of the text, and literals are
    /// replaced by `?` (text in double quotes is a literal on SQLite, and a name on PostgreSQL). Comments are left out, and
    /// a text longer than 1,000 bytes is truncated. The statements of the session itself (begin, commit, savepoints) are
    /// not logged, nor are those on [the raw connection](crate::Session::unguarded).
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

    /// Appends a comment to each statement that names its boundary and its service, so that the views and logs of the server
    /// show them. Without it, statements have no comment.
    pub fn sql_comments(mut self, comments: SqlComments) -> Self {
        self.watch.sql_comments = Some(comments);
        self
    }

    /// Sets the name under which the server shows the connections of this factory: `application_name` in
    /// `pg_stat_activity`. PostgreSQL only; the server truncates it to 63 bytes.
    pub fn application_name(mut self, name: impl Into<String>) -> Self {
        self.application_name = Some(name.into());
        self
    }

    /// Sets the label `pool` of the pool in [metrics](https://docs.rs/metrics), which tells the factories of one program
    /// apart. The default is the name of the database system.
    pub fn pool_name(mut self, name: impl Into<String>) -> Self {
        self.watch.pool_name = Some(name.into());
        self
    }

    /// Sets the default options of the boundaries of this factory. The options of a boundary take precedence.
    ///
    /// A default `retry` applies to bodies that can be run again: those of
    /// [`transaction_with`](SessionFactory::transaction_with). A router and a job need a `retry` of their own, since their
    /// arguments are cloned for it. A default `confirm_commit` does not apply to a read-only boundary, and a default
    /// `deferrable` only to one that is serializable and read-only.
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

    /// Sets how many boundaries of this factory may be run again after a conflict, all of them together; `None` for as many as
    /// their [`retry`](TxOptions::retry) says. The default is one for ten commits, and ten a second at least.
    pub fn retry_budget(mut self, budget: impl Into<Option<RetryBudget>>) -> Self {
        self.retry_budget = budget.into();
        self
    }

    /// Makes the factory, and opens one connection to prove that the settings are right. Waits for the database if there is
    /// a [`startup_timeout`](Self::startup_timeout).
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for invalid settings. [`Error::Connect`], with advice, if no connection can be made within the
    /// startup timeout, or else within the [`acquire_timeout`](Self::acquire_timeout).
    pub async fn connect(self) -> Result<SessionFactory<DB>, Error> {
        let patience = self.startup_timeout;
        let db = self.connect_lazy()?;
        let pool = db.pool();
        startup::connect::<DB, _, _>(patience, || async {
            pool.warm_up().await?;
            pool.check_server(SITE).await
        })
        .await?;
        db.pool().prove().await?;
        Ok(db)
    }

    /// Prepares each connection after it was opened, before it is lent for the first time: settings of its session,
    /// extensions, functions. The connections of [replicas](Self::replica) are prepared as well.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// use demarcate::sqlite::SessionFactory;
    ///
    /// let db = SessionFactory::builder()
    ///     .url("sqlite::memory:")
    ///     .after_connect(|connection| {
    ///         Box::pin(async move {
    ///             sqlx::raw_sql("pragma case_sensitive_like = on").execute(connection).await?;
    ///             Ok(())
    ///         })
    ///     })
    ///     .connect()
    ///     .await?;
    /// let is_like: bool = db.transaction(async |tx| {
    ///     Ok::<_, demarcate::Error>(sqlx::query_scalar("select 'A' like 'a'").fetch_one(&mut *tx).await?)
    /// }).await?;
    /// assert!(!is_like);
    /// # db.close(std::time::Duration::from_secs(10)).await;
    /// # Ok(())
    /// # }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    ///
    /// An error closes the connection, and is the error of whoever waits for it. Behind a pooler in transaction mode a
    /// connection has no session of its own, so that [`connect`](Self::connect) refuses this.
    pub fn after_connect<F>(mut self, prepare: F) -> Self
    where
        F: for<'c> Fn(&'c mut DB::Connection) -> BoxFuture<'c, Result<(), sqlx::Error>>
            + Send
            + Sync
            + 'static,
    {
        self.after_connect = Some(Arc::new(prepare));
        self
    }

    /// Makes the factory. The first statement of the first boundary opens the first connection.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for invalid settings.
    pub fn connect_lazy(self) -> Result<SessionFactory<DB>, Error> {
        let source = match (self.pool, self.settings) {
            (None, None) => {
                return Err(Error::config(
                    "no database was named; give the builder a `url`, `options` or a `pool`",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Error::config(
                    "the builder has a `pool` and a `url` or `options`; leave one of them out",
                ));
            }
            (Some(_), None) if self.application_name.is_some() || self.after_connect.is_some() => {
                return Err(Error::config(
                    "`application_name` and `after_connect` do not apply to connections of an existing pool; set them where \
                     the pool is made",
                ));
            }
            (Some(pool), None) => Either::Left(pool),
            (None, Some(settings)) => Either::Right(settings?),
        };
        let target = self.target.unwrap_or(self.named_target);
        if target != TargetSessionAttrs::Any && !DB::HAS_STANDBYS {
            return Err(Error::unsupported(
                DB::TITLE,
                "`target_session_attrs`",
                "leave it out: a file has no standby",
            ));
        }
        if self.limits.max_connections == 0 {
            return Err(Error::config(
                "a pool cannot have 0 connections; give `max_connections` at least 1",
            ));
        }
        if self.shares.contains(&Some(0)) {
            return Err(Error::config(
                "a share of 0 connections would let nobody have one; give `max_job_connections` and \
                 `max_request_connections` at least 1",
            ));
        }
        if self.limits.acquire_timeout.is_zero() {
            return Err(Error::config(
                "a connection cannot be opened in no time; give `acquire_timeout` more than zero",
            ));
        }
        let ages = [self.limits.max_lifetime, self.limits.idle_timeout];
        if ages.contains(&Some(Duration::ZERO)) {
            return Err(Error::config(
                "a connection cannot have an age limit of zero; give `max_lifetime` and `idle_timeout` more, or `None` for \
                 never",
            ));
        }
        if self.limits.min_connections > self.limits.max_connections {
            return Err(Error::config(
                "`min_connections` is greater than `max_connections`; lower one or raise the other",
            ));
        }
        let pooler = match self.pooler {
            Some(pooler) => check_pooler::<DB>(pooler)?,
            None if DB::HAS_POOLERS => self.shown,
            None => Pooler::None,
        };
        let defaults = check_defaults::<DB>(self.defaults)?;
        let contention = match self.retry_budget {
            Some(budget) => budget.check()?.contention(),
            None => Contention::new(None),
        };
        let named = |options| match &self.application_name {
            Some(name) => DB::named(options, name),
            None => Ok(options),
        };
        let is_prepared = self.after_connect.is_some();
        let check_prepared = |pooler: Pooler| match pooler.shares_sessions() && is_prepared {
            true => Err(Error::unsupported(
                "a pooler in transaction mode",
                "session of its own for each connection, which `after_connect` could prepare",
                "make settings for the role (`ALTER ROLE .. SET ..`), or in each transaction (`SET LOCAL`)",
            )),
            false => Ok(()),
        };
        check_prepared(pooler)?;
        let pool = match source {
            Either::Left(pool) => Pool::from_sqlx(pool, pooler).admitting(self.limits.max_waiting),
            Either::Right(options) => Pool::new(
                named(options)?,
                self.after_connect.clone(),
                pooler,
                self.limits,
            ),
        };
        let [jobs, requests] = self.shares;
        let pool = pool.asking_for(target).shared_between(jobs, requests);
        let replicas = self.replicas.into_iter().map(|replica| {
            let limits = Limits {
                min_connections: 0,
                ..self.limits
            };
            let (options, shown) = replica?;
            let pooler = match shown {
                Pooler::None => pooler,
                shown => shown,
            };
            check_prepared(pooler)?;
            let after_connect = self.after_connect.clone();
            let pool = Pool::new(named(options)?, after_connect, pooler, limits);
            Ok::<_, Error>(pool.shared_between(jobs, requests))
        });
        let replicas = replicas.collect::<Result<_, _>>()?;
        Ok(SessionFactory::over(
            pool, replicas, defaults, self.watch, contention,
        ))
    }
}

impl<DB: Backend> SessionFactory<DB> {
    /// Connects to the database that the settings name, and opens one connection to prove that they are right. Waits up to
    /// the `startup_timeout` for a database that does not accept connections yet.
    ///
    /// ```no_run
    /// # #[cfg(feature = "postgres")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// use demarcate::{Settings, postgres::SessionFactory};
    ///
    /// let db = SessionFactory::from_settings(&Settings::from_env()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the settings name another database system, [`Error::Connect`] if no connection can be made.
    pub async fn from_settings(settings: &Settings) -> Result<Self, Error> {
        Self::builder().settings(settings).connect().await
    }
}

/// Rejects a pooler for a database that has none.
pub(crate) fn check_pooler<DB: Backend>(pooler: Pooler) -> Result<Pooler, Error> {
    if pooler != Pooler::None && !DB::HAS_POOLERS {
        return Err(Error::unsupported(
            DB::TITLE,
            format!("pooler in {pooler} mode"),
            "leave `pooler` out",
        ));
    }
    Ok(pooler)
}

/// Rejects defaults that the database does not support, or that cannot apply to all boundaries.
pub(crate) fn check_defaults<DB: Backend>(defaults: TxOptions) -> Result<TxOptions, Error> {
    if defaults.name.is_some() {
        return Err(Error::config(
            "a `name` among the defaults would give every boundary the same name; name each boundary itself",
        ));
    }
    defaults.check()?;
    DB::check(&defaults)?;
    Ok(defaults)
}

impl<DB: Backend> fmt::Debug for Builder<DB> {
    /// Leaves out the connect options, which contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("database", &DB::TITLE)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
