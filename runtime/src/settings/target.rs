//! The database that settings name.

use std::fmt;

use secrecy::SecretString;

use super::pooler::Pooler;
use crate::util::redact::redact;

/// The database that settings name.
#[derive(Clone)]
pub(crate) enum Target {
    Server(Box<Server>),
    /// A URL as sqlx reads it.
    Sqlite(String),
}

impl Target {
    /// The pooler that it shows.
    pub(crate) fn pooler(&self) -> Pooler {
        match self {
            Self::Server(server) => Pooler::of(server),
            Self::Sqlite(_) => Pooler::None,
        }
    }

    /// The module of ours that connects to it, which is called as its scheme, where it is known which that is.
    pub(crate) fn module(&self) -> Option<&'static str> {
        match self {
            Self::Server(server) => server.kind.map(Kind::scheme),
            Self::Sqlite(_) => Some("sqlite"),
        }
    }
}

/// A server, and what to say to it. What is `None` here is the driver's own default.
#[derive(Clone, Default)]
pub(crate) struct Server {
    /// `None` where the settings do not say which it is, and the session factory's type does.
    pub(crate) kind: Option<Kind>,
    /// A name or an address, or the directory or file of a socket where it begins with a slash.
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<SecretString>,
    pub(crate) database: Option<String>,
    pub(crate) tls: Option<Tls>,
    /// What the URL itself says of a pooler.
    pub(crate) pgbouncer: Option<Pooler>,
    /// The other parameters, by the names that sqlx gives them.
    pub(crate) parameters: Vec<(&'static str, String)>,
    /// Those that sqlx does not have.
    pub(crate) ignored: Vec<Ignored>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    MySql,
}

/// A parameter that sqlx does not have: its name, where it is one that other drivers have. Another may be the rest of
/// a password that nobody has encoded.
pub(crate) type Ignored = Option<&'static str>;

impl Kind {
    pub(crate) const fn scheme(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::MySql => "mysql",
        }
    }
}

/// How the connection is encrypted, under the names of libpq.
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
    pub(crate) const FORM: &'static str =
        "`disable`, `allow`, `prefer`, `require`, `verify-ca` or `verify-full`";

    /// MySQL's names are read as well.
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
    #[cfg(any(feature = "postgres", feature = "mysql", test))]
    pub(crate) fn exposed_password(&self) -> Option<&str> {
        self.password
            .as_ref()
            .map(secrecy::ExposeSecret::expose_secret)
    }
}

impl fmt::Display for Target {
    /// Without the password, and without the parameters: `options` can hold anything.
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
