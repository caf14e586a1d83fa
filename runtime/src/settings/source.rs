//! Chooses the variables that name the database.

use std::fmt;

use super::environment::Environment;
use super::target::{DatabaseKind, Server, Target, Tls};
use super::url;
use super::variables::Variables;
use crate::error::Error;

/// Where the settings name the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Source {
    /// In code.
    Code,
    /// `DATABASE_URL`.
    DatabaseUrl,
    /// `DB_HOST` and the other variables with that prefix.
    DbVariables,
    /// `SUPABASE_POOLER_HOST` and the other variables with that prefix.
    SupabasePooler,
    /// `PGHOST` and the other variables of libpq.
    PgVariables,
    /// Nowhere: in development, a SQLite file is used.
    Embedded,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Code => "code",
            Self::DatabaseUrl => "DATABASE_URL",
            Self::DbVariables => "DB_HOST",
            Self::SupabasePooler => "SUPABASE_POOLER_HOST",
            Self::PgVariables => "PGHOST",
            Self::Embedded => "the default file of development",
        })
    }
}

/// The SQLite file that development uses if no database is named.
const EMBEDDED: &str = "sqlite://development.db?mode=rwc";

/// Returns the first database in the order of precedence. Variables of the other sources are ignored.
pub(crate) fn choose(
    variables: &Variables,
    environment: Environment,
) -> Result<(Source, Target), Error> {
    if let Some(url) = variables.get("DATABASE_URL") {
        let target = url::parse(url).map_err(|fault| fault.of("DATABASE_URL"))?;
        return Ok((Source::DatabaseUrl, target));
    }
    if let Some(server) = db_variables(variables)? {
        return Ok((Source::DbVariables, server.into()));
    }
    if let Some(server) = supabase(variables)? {
        return Ok((Source::SupabasePooler, server.into()));
    }
    if let Some(server) = pg_variables(variables)? {
        return Ok((Source::PgVariables, server.into()));
    }
    if environment == Environment::Development {
        return Ok((Source::Embedded, Target::Sqlite(EMBEDDED.to_owned())));
    }
    Err(Error::config(format!(
        "no database is named, and in {environment} there is no default; set DATABASE_URL, or DB_HOST, DB_USER, \
         DB_PASSWORD and DB_NAME"
    )))
}

impl From<Server> for Target {
    fn from(server: Server) -> Self {
        Self::Server(Box::new(server))
    }
}

/// Reads the `DB_*` variables. They do not name the kind of server: the type of the session factory does.
fn db_variables(variables: &Variables) -> Result<Option<Server>, Error> {
    let text = |name| variables.get(name).map(str::to_owned);
    let Some(host) = text("DB_HOST") else {
        let alone = ["DB_NAME", "DB_USER", "DB_PASSWORD", "DB_PORT"]
            .into_iter()
            .find(|name| variables.get(name).is_some());
        return match alone {
            Some(name) => Err(Error::config(format!(
                "{name} is set and DB_HOST is not; set DB_HOST too, or DATABASE_URL"
            ))),
            None => Ok(None),
        };
    };
    let Some(database) = text("DB_NAME") else {
        return Err(Error::config(
            "DB_HOST is set and DB_NAME is not; set DB_NAME to the database's name",
        ));
    };
    Ok(Some(Server {
        host: Some(host_of("DB_HOST", &host)?),
        port: variables.port("DB_PORT")?,
        user: text("DB_USER"),
        password: text("DB_PASSWORD").map(Into::into),
        database: Some(database),
        ..Server::default()
    }))
}

/// Reads the variables of a Supabase pooler. The user name contains the project: `postgres.abcdefgh`.
fn supabase(variables: &Variables) -> Result<Option<Server>, Error> {
    /// The port of transaction mode; session mode has 5432.
    const PORT: u16 = 6543;

    let Some(host) = variables.get("SUPABASE_POOLER_HOST") else {
        return Ok(None);
    };
    let needed = |name| {
        variables.get(name).map(str::to_owned).ok_or_else(|| {
            Error::config(format!(
                "SUPABASE_POOLER_HOST is set and {name} is not; set {name} as the project's page of connections \
                 shows it"
            ))
        })
    };
    Ok(Some(Server {
        kind: Some(DatabaseKind::Postgres),
        host: Some(host_of("SUPABASE_POOLER_HOST", host)?),
        port: Some(variables.port("SUPABASE_POOLER_PORT")?.unwrap_or(PORT)),
        user: Some(needed("SUPABASE_POOLER_USER")?),
        password: Some(needed("SUPABASE_POOLER_PASSWORD")?.into()),
        database: Some("postgres".to_owned()),
        ..Server::default()
    }))
}

/// Reads the variables of libpq. A password alone does not name a database.
fn pg_variables(variables: &Variables) -> Result<Option<Server>, Error> {
    const NAMING: [&str; 5] = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER"];
    if NAMING.iter().all(|name| variables.get(name).is_none()) {
        return Ok(None);
    }
    let text = |name| variables.get(name).map(str::to_owned);
    let host = match (text("PGHOSTADDR"), text("PGHOST")) {
        (Some(address), _) => Some(host_of("PGHOSTADDR", &address)?),
        (None, Some(host)) => Some(host_of("PGHOST", &host)?),
        (None, None) => None,
    };
    let parameters = [
        ("PGSSLROOTCERT", "sslrootcert"),
        ("PGSSLCERT", "sslcert"),
        ("PGSSLKEY", "sslkey"),
        ("PGAPPNAME", "application_name"),
        ("PGOPTIONS", "options"),
    ];
    Ok(Some(Server {
        kind: Some(DatabaseKind::Postgres),
        host,
        port: variables.port("PGPORT")?,
        user: text("PGUSER"),
        password: text("PGPASSWORD").map(Into::into),
        database: text("PGDATABASE"),
        tls: variables.read("PGSSLMODE", || Tls::FORM.to_owned(), Tls::read)?,
        target_session_attrs: variables
            .target_session_attrs("PGTARGETSESSIONATTRS")?
            .unwrap_or_default(),
        parameters: parameters
            .into_iter()
            .filter_map(|(variable, name)| Some((name, text(variable)?)))
            .collect(),
        ..Server::default()
    }))
}

/// Returns `host` if it is a host name, an address or the path of a socket.
fn host_of(name: &str, host: &str) -> Result<String, Error> {
    let is_one = url::host_name(host).is_ok() && !host.contains([':', '/', '@', ','])
        || host.starts_with('/')
        || host.parse::<std::net::Ipv6Addr>().is_ok();
    if is_one {
        Ok(host.to_owned())
    } else {
        Err(Error::config(format!(
            "{name} is not a host; write a name, an address or the directory of a socket, and the port in a variable \
             of its own"
        )))
    }
}
