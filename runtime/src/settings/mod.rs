//! The database and the limits of its pool, from environment variables or in code.
//!
//! [`Settings`] holds them, and [`SessionFactory::from_settings`](crate::SessionFactory::from_settings) connects with
//! them.

mod connect;
mod dotenv;
mod environment;
mod fixed;
mod misspelt;
mod names;
mod pool;
mod pooler;
mod session_attrs;
mod source;
mod target;
mod url;
mod variables;

#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;
use tracing::level_filters::LevelFilter;

use crate::error::Error;
use crate::targets;
use target::{Server, Target};
use variables::Variables;

pub use crate::util::redact::redact;
pub(crate) use connect::{FromSettings, Options, ReplicaOptions};
pub use environment::Environment;
pub use pool::PoolSettings;
pub use pooler::Pooler;
pub use session_attrs::TargetSessionAttrs;
pub use source::Source;

/// The database, and the limits of its connection pool.
///
/// The fields may be changed before a factory is made. Neither `Debug` nor `Display` shows the password.
///
/// # From the environment
///
/// [`from_env`](Self::from_env) uses the first of these sources that names a database, and ignores the others:
///
/// 1. `DATABASE_URL`;
/// 2. `DB_HOST`, `DB_PORT`, `DB_USER`, `DB_PASSWORD`, `DB_NAME`; the type of the session factory decides which database
///    system it is;
/// 3. `SUPABASE_POOLER_HOST`, `_PORT` (default 6543), `_USER`, `_PASSWORD`;
/// 4. `PGHOST`, `PGHOSTADDR`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`, `PGSSLROOTCERT`,
///    `PGSSLCERT`, `PGSSLKEY`, `PGAPPNAME`, `PGOPTIONS`, `PGTARGETSESSIONATTRS`;
/// 5. in development, the SQLite file `development.db` in the working directory. In other environments it is an error if
///    no database is named.
///
/// `ENVIRONMENT` is `development` (the default), `test`, `staging` or `production`, and selects the
/// [pool](Environment::pool). These variables override its limits:
///
/// | variable | value |
/// |---|---|
/// | `DB_MAX_CONNECTIONS` | the largest number of connections, exactly |
/// | `DB_POOL_SIZE`, `DB_MAX_OVERFLOW` | its parts, where the number itself is not given: the number of connections that are kept, and of further ones under load |
/// | `DB_POOL_TIMEOUT` | how long a boundary waits for a connection |
/// | `DB_POOL_RECYCLE`, `DB_IDLE_TIMEOUT` | the age at which a connection is replaced, and the idle time after which it is closed; or `never` |
/// | `DB_STARTUP_TIMEOUT` | how long [`connect`](crate::Builder::connect) waits for a database that does not accept connections yet; without it, `connect` does not wait |
/// | `DB_POOLER` | `none`, `session` or `transaction`, if it cannot be [detected](Pooler) |
/// | `DB_TARGET_SESSION_ATTRS` | `any`, `read-write` or `primary`: the [kind of server](TargetSessionAttrs) to connect to |
/// | `DATABASE_REPLICA_URL` | the URL of a [replica](crate::Builder::replica), or several, separated by spaces |
/// | `SQL_ECHO` | `1` to [log statements](crate::Builder::sql_echo), without values |
/// | `LOG_LEVEL` | `off`, `error`, `warn`, `info`, `debug` or `trace` |
///
/// A time is in seconds, or has a unit: `500ms`, `30s`, `5m`, `1h`. An empty variable counts as not set. Variables that
/// the process does not have are read from the `.env` of the working directory or of its nearest ancestor that has one;
/// the environment of the process is not changed. In a `.env`, as in a shell, `$NAME` is replaced by the value of that
/// variable, so a value that contains `$` needs single quotes. A variable that is one typing error away from one of
/// these (`DB_POOLSIZE`), or that other programs use instead of one (`DB_PASS`), is an error, since it would otherwise be
/// silently ignored. It is no error if it would be a part of the address and `DATABASE_URL` has the whole address.
///
/// For a setting of a server that is not given, the default of the driver applies: for PostgreSQL, the `PG*` variables
/// of the process and `.pgpass`.
///
/// # URLs
///
/// The schemes are `postgres://`, `postgresql://`, `mysql://`, `mariadb://` and `sqlite://`, with the name of a driver
/// (`postgresql+asyncpg://`) or without. A password may be percent-encoded, or contain `@`, `:`, `/`, `?`, `#` and `%`
/// unencoded. A socket is written as the host `%2Frun%2Fpostgresql` or as `?host=/run/postgresql`, an IPv6 address in
/// brackets. `?pgbouncer=true` (or `session`, or `transaction`) says that there is a [pooler](Pooler), and
/// `?target_session_attrs=primary` asks for that [kind of server](TargetSessionAttrs). Parameters that sqlx does not
/// support are logged.
///
/// `?timezone=%2B02:00` sets the time zone of each connection to MySQL or MariaDB. sqlx reads a `TIMESTAMP` as UTC
/// whatever the zone is, so with another zone than UTC use types without a zone, such as `NaiveDateTime`. On PostgreSQL
/// sqlx fixes the time zone, `DateStyle` and `client_encoding` of each connection: a URL and `PGOPTIONS` that set them to
/// something else are rejected, with what to write instead.
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn example() -> Result<(), demarcate::Error> {
/// use demarcate::settings::{Environment, Pooler, Settings, Source};
/// use demarcate::sqlite::SessionFactory;
///
/// // In a program: `Settings::from_env()?`.
/// let settings = Settings::from_variables([
///     ("DATABASE_URL", "postgresql+asyncpg://app:p@ss/word@db.internal:6543/shop"),
///     ("ENVIRONMENT", "production"),
///     ("DB_POOL_SIZE", "8"),
///     ("DB_POOL_TIMEOUT", "500ms"),
/// ])?;
/// assert_eq!(settings.source(), Source::DatabaseUrl);
/// assert_eq!(settings.to_string(), "postgres://app:***@db.internal:6543/shop");
/// assert_eq!(settings.environment, Environment::Production);
/// assert_eq!(settings.pool.max_connections(), 8 + 10);
/// assert_eq!(settings.pooler, Pooler::Transaction);
///
/// let error = Settings::from_variables([("DATABASE_URL", "postgres://app:secret@db:0/shop")]).unwrap_err();
/// assert!(error.to_string().starts_with("DATABASE_URL has a port that is not a number from 1 to 65535"));
///
/// // In code.
/// let mut settings = Settings::from_url("sqlite::memory:")?;
/// settings.pool.timeout = std::time::Duration::from_secs(3);
/// let db = SessionFactory::from_settings(&settings).await?;
/// # db.close(std::time::Duration::from_secs(10)).await;
/// # Ok(())
/// # }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Settings {
    /// The environment that the program runs in.
    pub environment: Environment,
    /// The limits of the connection pool.
    pub pool: PoolSettings,
    /// The pooler between the program and the server.
    pub pooler: Pooler,
    /// The kind of server to connect to.
    pub target_session_attrs: TargetSessionAttrs,
    /// How long [`connect`](crate::Builder::connect) waits for a database that does not accept connections yet:
    /// `DB_STARTUP_TIMEOUT`.
    pub startup_timeout: Option<Duration>,
    /// Whether statements are logged.
    pub sql_echo: bool,
    /// The log level that `LOG_LEVEL` names, for the subscriber of the program.
    pub log_level: Option<LevelFilter>,
    target: Target,
    replicas: Vec<Target>,
    source: Source,
}

/// The variable with the URLs of the replicas.
const REPLICAS: &str = "DATABASE_REPLICA_URL";

impl Settings {
    /// Reads the environment of the process and the `.env`. Logs the result, without secrets.
    ///
    /// # Errors
    ///
    /// [`Error::Config`], which names the variable and never quotes its value.
    pub fn from_env() -> Result<Self, Error> {
        let settings = Self::read(&Variables::of_this_process()?)?;
        settings.log();
        Ok(settings)
    }

    /// Reads only the given variables.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_variables<K, V>(variables: impl IntoIterator<Item = (K, V)>) -> Result<Self, Error>
    where
        K: Into<String>,
        V: Into<String>,
    {
        let settings = Self::read(&variables.into_iter().collect())?;
        settings.log();
        Ok(settings)
    }

    /// Returns settings for the database at `url`, with the pool of [development](Environment::Development).
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the URL cannot be parsed. The error does not quote the URL.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        let target = url::parse(url).map_err(|fault| fault.of("the URL"))?;
        Ok(Self::of(target))
    }

    /// Returns settings for a database on a server, with the pool of [development](Environment::Development).
    ///
    /// The type of the session factory decides which database system it is. `host` is a name, an address, or the
    /// directory of a socket.
    ///
    /// ```
    /// use demarcate::Settings;
    ///
    /// let settings = Settings::server("db.internal", "shop").port(5433).user("app").password("p@ss");
    /// assert_eq!(settings.to_string(), "app:***@db.internal:5433/shop");
    /// ```
    #[must_use]
    pub fn server(host: impl Into<String>, database: impl Into<String>) -> Self {
        Self::of(Target::from(Server {
            host: Some(host.into()),
            database: Some(database.into()),
            ..Server::default()
        }))
    }

    /// Sets the port of the server. It has no effect on SQLite.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.change(|server| server.port = Some(port))
    }

    /// Sets the user to connect as. It has no effect on SQLite.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        self.change(|server| server.user = Some(user.into()))
    }

    /// Sets the password of the user. It has no effect on SQLite.
    #[must_use]
    pub fn password(self, password: impl Into<SecretString>) -> Self {
        self.change(|server| server.password = Some(password.into()))
    }

    /// Returns where the settings name the database.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    fn change(mut self, change: impl FnOnce(&mut Server)) -> Self {
        if let Target::Server(server) = &mut self.target {
            change(server);
            // The pooler may have been detected by the port.
            self.pooler = server.pooler();
        }
        self
    }

    fn of(target: Target) -> Self {
        let environment = Environment::default();
        Self {
            environment,
            pool: environment.pool(),
            pooler: target.pooler(),
            target_session_attrs: target.target_session_attrs(),
            startup_timeout: None,
            sql_echo: false,
            log_level: None,
            target,
            replicas: Vec::new(),
            source: Source::Code,
        }
    }

    fn read(variables: &Variables) -> Result<Self, Error> {
        misspelt::check(variables)?;
        let environment = variables.environment()?.unwrap_or_default();
        let (source, target) = source::choose(variables, environment)?;
        let mut replicas = Vec::new();
        for url in variables
            .get(REPLICAS)
            .unwrap_or_default()
            .split_whitespace()
        {
            replicas.push(url::parse(url).map_err(|fault| fault.of(REPLICAS))?);
        }
        let settings = Self {
            replicas,
            ..Self::of(target)
        };
        Ok(Self {
            environment,
            pool: pool_settings(environment, variables)?,
            pooler: variables.pooler()?.unwrap_or(settings.pooler),
            target_session_attrs: variables
                .target_session_attrs("DB_TARGET_SESSION_ATTRS")?
                .unwrap_or(settings.target_session_attrs),
            startup_timeout: variables.duration("DB_STARTUP_TIMEOUT")?,
            sql_echo: variables.flag("SQL_ECHO")?.unwrap_or(false),
            log_level: variables.level("LOG_LEVEL")?,
            source,
            ..settings
        })
    }

    fn log(&self) {
        tracing::info!(
            target: targets::SETTINGS,
            database = %self,
            source = %self.source,
            environment = %self.environment,
            pooler = %self.pooler,
            max_connections = self.pool.max_connections(),
            "database settings: {}",
            self.pool,
        );
        if self.source == Source::Embedded {
            tracing::warn!(
                target: targets::SETTINGS,
                "no database is named; set DATABASE_URL to use another than the file for development"
            );
        }
        if let Target::Server(server) = &self.target
            && !server.ignored.is_empty()
        {
            let names: Vec<_> = server.ignored.iter().flatten().copied().collect();
            tracing::warn!(
                target: targets::SETTINGS,
                parameters = names.join(", "),
                others = server.ignored.len() - names.len(),
                "sqlx does not support these parameters of the URL",
            );
        }
        if let Target::Server(server) = &self.target
            && let Some(zone) = server.foreign_zone()
        {
            tracing::warn!(
                target: targets::SETTINGS,
                zone,
                "sqlx reads and writes a TIMESTAMP as UTC whatever the time zone of the connection is: use types without a \
                 zone for it, or leave `timezone` out",
            );
        }
    }

    /// Returns the connect options of each replica, or why there are none.
    pub(crate) fn replica_options<DB: FromSettings>(
        &self,
    ) -> Vec<Result<ReplicaOptions<DB>, Error>> {
        let settings = |target: &Target| Self {
            target: target.clone(),
            source: Source::Code,
            ..self.clone()
        };
        let targets = self.replicas.iter();
        targets
            .map(|target| {
                let options = settings(target).options::<DB>();
                let options = options.and_then(|options| {
                    target.target_session_attrs().check_replica()?;
                    Ok(options)
                });
                let options =
                    options.map_err(|error| Error::config(format!("{REPLICAS}: {error}")))?;
                Ok((options, target.pooler()))
            })
            .collect()
    }

    /// Returns the connect options of sqlx.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the settings name another database system, or a parameter is invalid.
    pub(crate) fn options<DB: FromSettings>(&self) -> Result<Options<DB>, Error> {
        DB::options(&self.target)?.ok_or_else(|| {
            let (title, form) = (DB::TITLE, DB::URL_FORM);
            let other = match self.target.module() {
                Some(module) => format!(", or take `demarcate::{module}::SessionFactory`"),
                None => String::new(),
            };
            Error::config(match self.source {
                Source::Code => {
                    format!("this is not a URL of {title}; write one of the form `{form}`{other}")
                }
                source => format!(
                    "the settings name {self}, from {source}, but this session factory is for {title}; set \
                     DATABASE_URL to one of the form `{form}`{other}"
                ),
            })
        })
    }
}

/// Returns the pool of the environment, with the sizes and times that the variables set.
fn pool_settings(environment: Environment, variables: &Variables) -> Result<PoolSettings, Error> {
    let mut pool = environment.pool();
    let size = variables.number("DB_POOL_SIZE", 1)?;
    let max_overflow = variables.number("DB_MAX_OVERFLOW", 0)?;
    (pool.size, pool.max_overflow) = match variables.number("DB_MAX_CONNECTIONS", 1)? {
        Some(most) => pool.parts_of(most, size, max_overflow)?,
        None => (
            size.unwrap_or(pool.size),
            max_overflow.unwrap_or(pool.max_overflow),
        ),
    };
    if let Some(timeout) = variables.duration("DB_POOL_TIMEOUT")? {
        pool.timeout = timeout;
    }
    if let Some(recycle) = variables.duration_or_never("DB_POOL_RECYCLE")? {
        pool.recycle = recycle;
    }
    if let Some(idle_timeout) = variables.duration_or_never("DB_IDLE_TIMEOUT")? {
        pool.idle_timeout = idle_timeout;
    }
    Ok(pool)
}

impl fmt::Display for Settings {
    /// The database as a URL, without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("database", &self.target)
            .field("source", &self.source)
            .field("environment", &self.environment)
            .field("pool", &self.pool)
            .field("pooler", &self.pooler)
            .field("target_session_attrs", &self.target_session_attrs)
            .field("startup_timeout", &self.startup_timeout)
            .field("sql_echo", &self.sql_echo)
            .field("log_level", &self.log_level)
            .finish()
    }
}
