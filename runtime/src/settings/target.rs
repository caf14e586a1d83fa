//! The database that settings name: a server or a SQLite file.

use std::fmt;

use secrecy::SecretString;

use super::pooler::Pooler;
use super::session_attrs::TargetSessionAttrs;
use crate::util::redact::redact;

/// The database that settings name.
#[doc(hidden)]
#[derive(Clone)]
pub enum Target {
    /// A server of PostgreSQL, MySQL or MariaDB.
    Server(Box<Server>),
    /// A URL in the form that sqlx parses.
    Sqlite(String),
}

impl Target {
    /// Returns the pooler that the URL, the host or the port shows.
    pub(crate) fn pooler(&self) -> Pooler {
        match self {
            Self::Server(server) => server.pooler(),
            Self::Sqlite(_) => Pooler::None,
        }
    }

    /// Returns the kind of server that the URL asks for.
    pub(crate) fn target_session_attrs(&self) -> TargetSessionAttrs {
        match self {
            Self::Server(server) => server.target_session_attrs,
            Self::Sqlite(_) => TargetSessionAttrs::Any,
        }
    }

    /// Returns the module of this crate for the database, which has the name of the URL scheme; `None` if the kind of
    /// server is not known.
    pub(crate) fn module(&self) -> Option<&'static str> {
        match self {
            Self::Server(server) => server.kind.map(DatabaseKind::scheme),
            Self::Sqlite(_) => Some("sqlite"),
        }
    }
}

/// A server, and how to log in to it. For a field that is `None`, the default of the driver applies.
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct Server {
    /// `None` if the settings do not say: the type of the session factory decides then.
    pub(crate) kind: Option<DatabaseKind>,
    /// A name, an address, or the path of a socket or of its directory, which begins with a slash.
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) database: Option<String>,
    pub(crate) tls: Option<Tls>,
    /// The pooler that the parameter `pgbouncer` of the URL names.
    pub(crate) pgbouncer: Option<Pooler>,
    /// The kind of server that is asked for.
    pub(crate) target_session_attrs: TargetSessionAttrs,
    /// The other parameters, under the names of sqlx.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// The parameters that sqlx does not support.
    pub(crate) ignored: Vec<Ignored>,
}

/// The protocol of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatabaseKind {
    Postgres,
    MySql,
}

/// The name of a parameter that sqlx does not support. `None` if no other driver has it either: it may then be the rest
/// of a password that is not percent-encoded, and is not shown.
pub(crate) type Ignored = Option<&'static str>;

impl DatabaseKind {
    /// Returns the scheme of its URLs.
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }
}

/// The TLS mode of a connection, under the names of libpq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Tls {
    /// The values that a URL or a variable may have.
    pub(crate) const FORM: &'static str =
        "`disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`";

    /// Parses the name of a mode, in the spelling of libpq or of MySQL.
    pub(crate) fn read(word: &str) -> Option<Self> {
        Some(match &*word.to_ascii_lowercase().replace('_', "-") {
            "disable" | "disabled" => Self::Disable,
            "allow" => Self::Allow,
            "prefer" | "preferred" => Self::Prefer,
            "require" | "required" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" | "verify-identity" => Self::VerifyFull,
            _ => return None,
        })
    }

    /// Returns the name in the spelling of libpq.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

impl Server {
    /// Returns the pooler that the URL names, or that the host and the port show.
    pub(crate) fn pooler(&self) -> Pooler {
        let host = self.host.as_deref().unwrap_or_default();
        self.pgbouncer
            .unwrap_or_else(|| Pooler::at(host, self.port))
    }

    /// Returns the time zone that a parameter sets, if it is another one than UTC.
    pub(crate) fn foreign_zone(&self) -> Option<&str> {
        let zone = self.parameters.iter().find(|(name, _)| *name == "timezone");
        let zone = zone.map(|(_, zone)| zone.as_str());
        zone.filter(|zone| !["+00:00", "UTC"].contains(zone))
    }

    #[cfg(any(feature = "postgres", feature = "mysql", test))]
    /// Returns the password as text.
    pub(crate) fn exposed_password(&self) -> Option<&str> {
        self.password
            .as_ref()
            .map(secrecy::ExposeSecret::expose_secret)
    }
}

impl fmt::Display for Target {
    /// Writes the URL without the password and without the parameters, since `options` can hold anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(server) => server.fmt(f),
            Self::Sqlite(url) => f.write_str(&redact(url.split('?').next().unwrap_or_default())),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = self.kind {
            write!(f, "{}://", kind.scheme())?;
        }
        if let Some(user) = &self.user {
            f.write_str(user)?;
        }
        if self.password.is_some() {
            f.write_str(":***")?;
        }
        if self.user.is_some() || self.password.is_some() {
            f.write_str("@")?;
        }
        match self.host.as_deref() {
            Some(host) if host.contains(':') => write!(f, "[{host}]")?,
            Some(host) => f.write_str(host)?,
            None => {}
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        if let Some(database) = &self.database {
            write!(f, "/{database}")?;
        }
        if let Some(tls) = self.tls {
            write!(f, "?sslmode={}", tls.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}
