//! Settings of the connections of a factory, and of their pool.

use std::fmt;
use std::time::Duration;

use crate::backend::Backend;
use crate::comments::SqlComments;
use crate::error::Error;
use crate::factory::{SessionFactory, Watch};
use crate::options::TxOptions;
use crate::pool::Pool;
use crate::settings::{Options, Pooler, ReplicaOptions, Settings};
use crate::startup;
use crate::stock::Limits;

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
    replicas: Vec<Result<ReplicaOptions<DB>, Error>>,
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

    pub(crate) fn new() -> Self {
        Self {
            settings: None,
            shown: Pooler::None,
            pooler: None,
            limits: Limits {
                max_connections: Self::MAX_CONNECTIONS,
                min_connections: 0,
                acquire_timeout: Self::ACQUIRE_TIMEOUT,
                max_lifetime: Some(Self::MAX_LIFETIME),
                idle_timeout: Some(Self::IDLE_TIMEOUT),
            },
            startup_timeout: None,
            application_name: None,
            watch: Watch::default(),
            defaults: TxOptions::new(),
            replicas: Vec::new(),
        }
    }

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
    /// show something else. `SessionFactory::verify_pooler` tells whether that is so.
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
    /// the primary where no replica can be reached or has a connection free within a second, or half of the time that the
    /// boundary has left (those that come in the two seconds after it do not try), where it is serializable, and after the
    /// same task has sent a commit, whatever became of it, or has migrated.
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
        let replica = Settings::from_url(url)
            .and_then(|settings| Ok((settings.options::<DB>()?, settings.pooler)));
        self.replicas.push(replica);
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

    /// What [metrics](https://docs.rs/metrics) call its pool: the label `pool`. Two factories of one program are two pools. The
    /// name of the database system where it is not given.
    pub fn pool_name(mut self, name: impl Into<String>) -> Self {
        self.watch.pool_name = Some(name.into());
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
        if self.limits.acquire_timeout.is_zero() {
            return Err(Error::config(
                "no connection is there at once; give `acquire_timeout` some time",
            ));
        }
        let ages = [self.limits.max_lifetime, self.limits.idle_timeout];
        if ages.contains(&Some(Duration::ZERO)) {
            return Err(Error::config(
                "a connection lives for some time; give `max_lifetime` and `idle_timeout` more than none, or `None` for \
                 never",
            ));
        }
        if self.limits.min_connections > self.limits.max_connections {
            return Err(Error::config(
                "`min_connections` are more than `max_connections`; there cannot be at least as many",
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
            Ok::<_, Error>(Pool::new(named(options)?, pooler, limits))
        });
        let replicas = replicas.collect::<Result<_, _>>()?;
        Ok(SessionFactory::over(pool, replicas, defaults, self.watch))
    }
}

impl<DB: Backend> SessionFactory<DB> {
    /// Connects as the settings say. One connection is made at once, to prove that they are right; a database that is
    /// not there yet is waited for, for the `startup_timeout`.
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
    /// [`Error::Config`] for settings of another database, [`Error::Connect`] if the database does not
    /// let us in.
    pub async fn from_settings(settings: &Settings) -> Result<Self, Error> {
        Self::builder().settings(settings).connect().await
    }
}

/// A pooler that nobody makes.
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

/// Defaults that no boundary could honour, or that make no sense for all of them.
pub(crate) fn check_defaults<DB: Backend>(defaults: TxOptions) -> Result<TxOptions, Error> {
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
