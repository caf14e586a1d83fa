//! Turns settings into the connect options of sqlx.

use sqlx::{Connection, Database};

#[cfg(feature = "postgres")]
use super::fixed::Fixed;
use super::pooler::Pooler;
use super::target::Target;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::target::{DatabaseKind, Server, Tls};
use crate::error::Error;

/// The connect options of sqlx.
pub(crate) type Options<DB> = <<DB as Database>::Connection as Connection>::Options;

/// The connect options of a replica, and the pooler that its URL shows.
pub(crate) type ReplicaOptions<DB> = (Options<DB>, Pooler);

/// A database that can be connected to from [`Settings`](super::Settings).
pub trait FromSettings: Database {
    /// The name of the database system in messages.
    #[doc(hidden)]
    const TITLE: &'static str;

    /// The form of its URLs, as messages show it.
    #[doc(hidden)]
    const URL_FORM: &'static str;

    /// Returns the connect options for `target`; `None` if it is another database system.
    #[doc(hidden)]
    fn options(target: &Target) -> Result<Option<Options<Self>>, Error>;
}

#[cfg(feature = "postgres")]
impl FromSettings for sqlx::Postgres {
    const TITLE: &'static str = "PostgreSQL";
    const URL_FORM: &'static str = "postgres://user:password@host:5432/database";

    fn options(target: &Target) -> Result<Option<Options<Self>>, Error> {
        let Some(server) = server(target, DatabaseKind::Postgres) else {
            return Ok(None);
        };
        // The options are parsed from a URL, since only then does sqlx look up the password in `.pgpass` for the right
        // host. Every part is a query parameter: those need no brackets, and an empty host counts as not given.
        let port = server.port.map(|port| port.to_string());
        let parts = [
            ("host", server.host.as_deref()),
            ("port", port.as_deref()),
            ("user", server.user.as_deref()),
            ("password", server.exposed_password()),
            ("dbname", server.database.as_deref()),
            ("sslmode", server.tls.map(Tls::name)),
        ];
        let mut url = url::form_urlencoded::Serializer::for_suffix(
            "postgres:///?".to_owned(),
            "postgres:///?".len(),
        );
        for (name, value) in parts {
            if let Some(value) = value {
                url.append_pair(name, value);
            }
        }
        for (name, value) in &server.parameters {
            url.append_pair(name, value);
        }
        match url.finish().parse::<Options<Self>>() {
            // sqlx takes the options of `PGOPTIONS` as well.
            Ok(options) => match options.get_options().and_then(Fixed::changed_by) {
                Some(fixed) => Err(Error::config(format!(
                    "`options` in the URL, or PGOPTIONS, {}",
                    fixed.fault()
                ))),
                None => Ok(Some(options)),
            },
            // sqlx's error may quote a part of the URL, so it is not passed on.
            Err(_) => Err(Error::config(
                "sqlx rejects these settings of PostgreSQL; check the parameters of the URL",
            )),
        }
    }
}

#[cfg(feature = "mysql")]
impl FromSettings for sqlx::MySql {
    const TITLE: &'static str = "MySQL";
    const URL_FORM: &'static str = "mysql://user:password@host:3306/database";

    fn options(target: &Target) -> Result<Option<Options<Self>>, Error> {
        use sqlx::mysql::MySqlSslMode;

        let Some(server) = server(target, DatabaseKind::MySql) else {
            return Ok(None);
        };
        let mut options = Options::<Self>::new();
        options = match server.host.as_deref() {
            Some(socket) if socket.starts_with('/') => options.socket(socket),
            Some(host) => options.host(host),
            None => options,
        };
        if let Some(port) = server.port {
            options = options.port(port);
        }
        if let Some(user) = &server.user {
            options = options.username(user);
        }
        if let Some(password) = server.exposed_password() {
            options = options.password(password);
        }
        if let Some(database) = &server.database {
            options = options.database(database);
        }
        if let Some(tls) = server.tls {
            options = options.ssl_mode(match tls {
                Tls::Disable => MySqlSslMode::Disabled,
                Tls::Allow | Tls::Prefer => MySqlSslMode::Preferred,
                Tls::Require => MySqlSslMode::Required,
                Tls::VerifyCa => MySqlSslMode::VerifyCa,
                Tls::VerifyFull => MySqlSslMode::VerifyIdentity,
            });
        }
        for (name, value) in &server.parameters {
            options = match *name {
                "sslrootcert" => options.ssl_ca(value),
                "sslcert" => options.ssl_client_cert(value),
                "sslkey" => options.ssl_client_key(value),
                "charset" => options.charset(value),
                "collation" => options.collation(value),
                "timezone" => options.timezone(value.clone()),
                "statement-cache-capacity" => match value.parse() {
                    Ok(capacity) => options.statement_cache_capacity(capacity),
                    Err(_) => options,
                },
                _ => options,
            };
        }
        Ok(Some(options))
    }
}

#[cfg(feature = "sqlite")]
impl FromSettings for sqlx::Sqlite {
    const TITLE: &'static str = "SQLite";
    const URL_FORM: &'static str = "sqlite://path/to/file.db";

    fn options(target: &Target) -> Result<Option<Options<Self>>, Error> {
        let Target::Sqlite(url) = target else {
            return Ok(None);
        };
        match url.parse() {
            Ok(options) => Ok(Some(options)),
            Err(_) => Err(Error::config(
                "the URL has a parameter that SQLite does not support; write `mode=ro`, `rw`, `rwc` or `memory`, \
                 `cache=shared` or `private`, `immutable=true` or `false`, `vfs=name`, or none",
            )),
        }
    }
}

/// Returns the server of `target` if it is of this kind, or of no particular kind.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn server(target: &Target, kind: DatabaseKind) -> Option<&Server> {
    match target {
        Target::Server(server) if server.kind.is_none_or(|named| named == kind) => Some(server),
        _ => None,
    }
}
