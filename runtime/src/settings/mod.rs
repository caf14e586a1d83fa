//! Where the database is and how many connections there are to it: from the environment, or in code.
//!
//! [`Settings`] is the value, [`SessionFactory::from_settings`](crate::SessionFactory::from_settings) takes
//! it.

mod connect;
mod dotenv;
mod environment;
mod names;
mod pool;
mod pooler;
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

use crate::backend::Backend;
use crate::builder::Replica;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::targets;
use target::{Server, Target};
use variables::Variables;

pub use crate::util::redact::redact;
pub(crate) use connect::{FromSettings, Options};
pub use environment::Environment;
pub use pool::PoolSettings;
pub use pooler::Pooler;
pub use source::Source;

/// Where the database is, and how many connections there are to it.
///
/// The fields may be changed before it is used. It shows no password, in `Debug` or in `Display`.
///
/// # From the environment
///
/// [`from_env`](Self::from_env) takes the first of these that names a database, and mixes nothing of the
/// others into it:
///
/// 1. `DATABASE_URL`;
/// 2. `DB_HOST`, `DB_PORT`, `DB_USER`, `DB_PASSWORD`, `DB_NAME`; the database is that of the session factory;
/// 3. `SUPABASE_POOLER_HOST`, `_PORT` (6543 where it is not set), `_USER`, `_PASSWORD`;
/// 4. `PGHOST`, `PGHOSTADDR`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`, `PGSSLROOTCERT`,
///    `PGSSLCERT`, `PGSSLKEY`, `PGAPPNAME`, `PGOPTIONS`;
/// 5. in development, the SQLite file `development.db` in the working directory. Elsewhere it is an error that no
///    database is named.
///
/// `ENVIRONMENT` is `development` (also where it is not set), `test`, `staging` or `production`, and
/// chooses the [pool](Environment::pool). These override it:
///
/// | variable | value |
/// |---|---|
/// | `DB_POOL_SIZE`, `DB_MAX_OVERFLOW` | how many connections are kept, and how many there may be above that |
/// | `DB_POOL_TIMEOUT` | how long a boundary waits for one |
/// | `DB_POOL_RECYCLE`, `DB_IDLE_TIMEOUT` | at what age one is replaced, and after how long without use closed; or `never` |
/// | `DB_STARTUP_TIMEOUT` | how long [`connect`](crate::Builder::connect) waits for a database that is not there yet; not at all where it is not set |
/// | `DB_POOLER` | `none`, `session` or `transaction`, where it does not [show](Pooler) |
/// | `DATABASE_REPLICA_URL` | where [replicas](crate::Builder::replica) are: one URL, or several with blanks between them |
/// | `SQL_ECHO` | `1` to [log statements](crate::Builder::sql_echo), without values |
/// | `LOG_LEVEL` | `off`, `error`, `warn`, `info`, `debug` or `trace` |
///
/// A time is seconds, or has a unit: `500ms`, `30s`, `5m`, `1h`. A variable that is empty counts as not
/// set. What the process does not have is looked for in the `.env` of the working directory or the nearest one above;
/// the process's own variables are left as they are. There, as in a shell, `$NAME` stands for what that variable holds: a value
/// with a `$` of its own goes between single quotes. A variable that is one slip away from one of these (`DB_POOLSIZE`), or one
/// that other programs use for the same (`DB_PASS`), is an error, since it would be ignored otherwise; but not one that would be
/// a part of the address where `DATABASE_URL` has the whole of it.
///
/// What a server's settings leave open is what the driver does without: for PostgreSQL the `PG*` variables of the
/// process and `.pgpass`.
///
/// # URLs
///
/// `postgres://`, `postgresql://`, `mysql://`, `mariadb://` and `sqlite://`, with a driver's name
/// (`postgresql+asyncpg://`) or without. A password may be percent-encoded, or stand there as it is, with `@`, `:`,
/// `/`, `?`, `#` and `%`. A socket is the host `%2Frun%2Fpostgresql` or `?host=/run/postgresql`; an IPv6
/// address is in brackets. `?pgbouncer=true` (or `session`, or `transaction`) says that a [pooler](Pooler) is there. Parameters that
/// sqlx does not have are logged.
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
    /// What the program runs for.
    pub environment: Environment,
    /// How many connections there are, and for how long.
    pub pool: PoolSettings,
    /// What stands before the server.
    pub pooler: Pooler,
    /// How long [`connect`](crate::Builder::connect) waits for a database that is not there yet: `DB_STARTUP_TIMEOUT`.
    pub startup_timeout: Option<Duration>,
    /// Whether statements are logged.
    pub sql_echo: bool,
    /// How much is logged, where it was said; for the program's own subscriber.
    pub log_level: Option<LevelFilter>,
    target: Target,
    replicas: Vec<Target>,
    source: Source,
}

/// One URL, or several.
const REPLICAS: &str = "DATABASE_REPLICA_URL";

impl Settings {
    /// What the process's environment and the `.env` say. What was chosen is logged, without secrets.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] that names the variable, and never its value.
    pub fn from_env() -> Result<Self, Error> {
        let settings = Self::read(&Variables::of_this_process()?)?;
        settings.log();
        Ok(settings)
    }

    /// The same from variables that are given here, and no others.
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

    /// The database at `url`, with the pool of [development](Environment::Development).
    ///
    /// # Errors
    ///
    /// [`Error::Config`] for a URL that cannot be read. It does not quote it.
    pub fn from_url(url: &str) -> Result<Self, Error> {
        let target = url::parse(url).map_err(|fault| fault.of("the URL"))?;
        Ok(Self::of(target))
    }

    /// The database of that name on a server, with the pool of [development](Environment::Development).
    ///
    /// Which database it is, is the session factory's to say. `host` is a name, an address, or the
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

    /// The server's port, in place of what was there. Without effect on SQLite.
    #[must_use]
    pub fn port(self, port: u16) -> Self {
        self.change(|server| server.port = Some(port))
    }

    /// The user to connect as, in place of what was there. Without effect on SQLite.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        self.change(|server| server.user = Some(user.into()))
    }

    /// The user's password, in place of what was there. Without effect on SQLite.
    #[must_use]
    pub fn password(self, password: impl Into<SecretString>) -> Self {
        self.change(|server| server.password = Some(password.into()))
    }

    /// Where the database was named.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    fn change(mut self, change: impl FnOnce(&mut Server)) -> Self {
        if let Target::Server(server) = &mut self.target {
            change(server);
            // A port may have been what it was recognised by.
            self.pooler = Pooler::of(server);
        }
        self
    }

    fn of(target: Target) -> Self {
        let environment = Environment::default();
        Self {
            environment,
            pool: environment.pool(),
            pooler: target.pooler(),
            startup_timeout: None,
            sql_echo: false,
            log_level: None,
            target,
            replicas: Vec::new(),
            source: Source::Code,
        }
    }

    fn read(variables: &Variables) -> Result<Self, Error> {
        names::check(variables)?;
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
            pool: environment.pool().overridden(variables)?,
            pooler: variables.pooler()?.unwrap_or(settings.pooler),
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
            "database settings",
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
                "sqlx does not have these parameters of the URL",
            );
        }
    }

    /// The same for each replica.
    pub(crate) fn replica_options<DB: Backend>(&self) -> Vec<Result<Replica<DB>, Error>> {
        let settings = |target: &Target| Self {
            target: target.clone(),
            source: Source::Code,
            ..self.clone()
        };
        let targets = self.replicas.iter();
        targets
            .map(|target| {
                let options = settings(target).options::<DB>();
                let options =
                    options.map_err(|error| Error::config(format!("{REPLICAS}: {error}")))?;
                Ok((options, target.pooler()))
            })
            .collect()
    }

    pub(crate) fn options<DB: Backend>(&self) -> Result<Options<DB>, Error> {
        DB::options(self)?.ok_or_else(|| {
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
                    "the settings name {self}, from {source}, and this session factory is one of {title}; set \
                     DATABASE_URL to one of the form `{form}`{other}"
                ),
            })
        })
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
            .field("startup_timeout", &self.startup_timeout)
            .field("sql_echo", &self.sql_echo)
            .field("log_level", &self.log_level)
            .finish()
    }
}
