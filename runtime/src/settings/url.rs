//! Parses database URLs, leniently: as libpq, SQLAlchemy, Prisma and hosting providers write them.

use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;
use url::form_urlencoded;

use super::fixed::Fixed;
use super::pooler::Pooler;
use super::session_attrs::TargetSessionAttrs;
use super::target::{DatabaseKind, Server, Target, Tls};
use crate::error::Error;

/// What is wrong with a URL and what to write instead. The text continues a sentence that begins with the source of the
/// URL, and never quotes the URL.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault(String);

impl Fault {
    fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Returns the error for a URL from `name`: `DATABASE_URL has no scheme; ..`
    pub(crate) fn of(self, name: &str) -> Error {
        Error::config(format!("{name} {}", self.0))
    }
}

const FORMS: &str = "write one of the form `postgres://user:password@host:5432/database`, \
                     `mysql://user:password@host:3306/database` or `sqlite://path/to/file.db`";

/// Parses a URL. Unlike RFC 3986, it accepts a password with unencoded `@`, `:`, `/`, `?`, `#` and `%` if a host follows
/// it.
pub(crate) fn parse(text: &str) -> Result<Target, Fault> {
    let text = text.trim();
    let text = text.strip_prefix("jdbc:").unwrap_or(text);
    if text.starts_with(['"', '\'']) {
        return Err(Fault::new(
            "begins with a quotation mark; remove the quotes",
        ));
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err(Fault::new(format!("has no scheme; {FORMS}")));
    };
    // The scheme of SQLAlchemy includes the driver: `postgresql+asyncpg`.
    let scheme = scheme.to_ascii_lowercase();
    let (database, driver) = match scheme.split_once('+') {
        Some((database, driver)) => (database, Some(driver)),
        None => (&*scheme, None),
    };
    let kind = match database {
        "postgres" | "postgresql" => DatabaseKind::Postgres,
        "mysql" | "mariadb" => DatabaseKind::MySql,
        "sqlite" => return Ok(Target::Sqlite(sqlite(rest, driver.is_some()))),
        _ => {
            return Err(Fault::new(format!(
                "has a scheme that is not one of PostgreSQL, MySQL or SQLite; {FORMS}"
            )));
        }
    };
    let Some(rest) = rest.strip_prefix("//") else {
        return Err(Fault::new(format!("has no `//` after its scheme; {FORMS}")));
    };
    server(kind, rest).map(|server| Target::Server(Box::new(server)))
}

/// Returns the URL in the form that sqlx parses. A URL of SQLAlchemy has one slash more: `sqlite+aiosqlite:///file.db` is
/// a relative path, and `sqlite+aiosqlite:////tmp/file.db` an absolute one.
fn sqlite(rest: &str, is_sqlalchemys: bool) -> String {
    let path = rest.strip_prefix("//").unwrap_or(rest);
    let path = match path.strip_prefix('/') {
        Some(path) if is_sqlalchemys || path.starts_with(":memory:") => path,
        _ => path,
    };
    if path.starts_with(":memory:") || (is_sqlalchemys && path.is_empty()) {
        "sqlite::memory:".to_owned()
    } else {
        format!("sqlite://{path}")
    }
}

/// Parses the part of a URL after `scheme://`.
fn server(kind: DatabaseKind, rest: &str) -> Result<Server, Fault> {
    let Split { user, place, query } = split(rest)?;
    let mut server = Server {
        kind: Some(kind),
        ..Server::default()
    };
    if let Some(user) = user {
        // The user name ends at the first colon: URLs of Azure have the form `user@host:password@host`.
        let (user, password) = match user.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (user, None),
        };
        server.user = Some(decode(user)).filter(|user| !user.is_empty());
        server.password = password.map(|password| decode(password).into());
    }
    server.host = place.host;
    server.port = place.port;
    server.database = Some(decode(place.database)).filter(|database| !database.is_empty());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameter(&mut server, kind, &name, &value)?;
    }
    Ok(server)
}

/// The parts of a URL after its scheme.
struct Split<'a> {
    user: Option<&'a str>,
    place: KeyPosition<'a>,
    query: &'a str,
}

/// The part of a URL from the host to the database.
struct KeyPosition<'a> {
    host: Option<String>,
    port: Option<u16>,
    database: &'a str,
}

/// Splits a URL into user, host and query.
///
/// The query begins at the first `?` that has a valid host before it and only parameters after it. The host begins after
/// the last `@` before that `?`.
fn split(rest: &str) -> Result<Split<'_>, Fault> {
    let ends = rest
        .match_indices('?')
        .map(|(at, _)| (at, &rest[at + 1..]))
        .filter(|(_, query)| begins_with_a_known_name(query) || is_query(query))
        .chain([(rest.len(), "")]);
    let mut fault = None;
    for (end, query) in ends {
        let head = &rest[..end];
        let (user, after) = match head.rfind('@') {
            Some(at) => (Some(&head[..at]), &head[at + 1..]),
            None => (None, head),
        };
        match place(after) {
            Ok(place) => return Ok(Split { user, place, query }),
            // A known parameter is not part of a password.
            Err(why) if begins_with_a_known_name(query) => return Err(why),
            Err(why) => fault = fault.or(Some(why)),
        }
    }
    Err(fault.unwrap_or_else(|| Fault::new(format!("has no host; {FORMS}"))))
}

/// Whether the first parameter has the name of a supported or well-known one.
fn begins_with_a_known_name(query: &str) -> bool {
    const NAMES: [&str; 14] = [
        "sslmode",
        "ssl-mode",
        "ssl",
        "user",
        "password",
        "port",
        "dbname",
        "host",
        "hostaddr",
        "socket",
        "unix_socket",
        "pgbouncer",
        "statement-cache-capacity",
        "target_session_attrs",
    ];
    let first = form_urlencoded::parse(query.as_bytes()).next();
    first.is_some_and(|(name, _)| {
        NAMES.contains(&&*name)
            || Fixed::named(&name).is_some()
            || OTHERS.contains(&&*name)
            || [DatabaseKind::Postgres, DatabaseKind::MySql]
                .iter()
                .any(|kind| driver_name(*kind, &name).is_some())
    })
}

/// Whether the text consists of `name=value` pairs.
fn is_query(text: &str) -> bool {
    text.split('&').all(|pair| {
        pair.is_empty()
            || pair.split_once('=').is_some_and(|(name, _)| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.%[]".contains(&byte))
            })
    })
}

/// Parses `host`, `host:port`, `[::1]:port`, `%2Fvar%2Frun` or nothing, followed by `/database`.
fn place(text: &str) -> Result<KeyPosition<'_>, Fault> {
    let (authority, database) = text.split_once('/').unwrap_or((text, ""));
    if database.contains('?') {
        return Err(Fault::new(
            "has a `?` that no parameters follow; write them as `?name=value&name=value`, and percent-encode what is \
             special in the user and the password (`@` as `%40`, `?` as `%3F`)",
        ));
    }
    let (host, port) = host_and_port(authority)?;
    Ok(KeyPosition {
        host: host_name(host)?,
        port: port.map(port_number).transpose()?,
        database: database.trim_end_matches('/'),
    })
}

/// Splits `host:port`; an IPv6 address may be in brackets.
fn host_and_port(authority: &str) -> Result<(&str, Option<&str>), Fault> {
    if let Some(inside) = authority.strip_prefix('[') {
        let Some((address, after)) = inside.split_once(']') else {
            return Err(Fault::new(
                "has an IPv6 address without its closing bracket; write it in brackets, such as `[::1]:5432`",
            ));
        };
        return Ok((address, after.strip_prefix(':')));
    }
    if authority.contains(',') {
        return Err(Fault::new(
            "names several hosts, but a connection can be made to only one; name the primary",
        ));
    }
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Ok((authority, None));
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

/// Returns the decoded host; `None` if it is empty.
pub(crate) fn host_name(host: &str) -> Result<Option<String>, Fault> {
    if host.is_empty() {
        return Ok(None);
    }
    let decoded = decode(host);
    if decoded.starts_with('/') || decoded.parse::<Ipv6Addr>().is_ok() {
        return Ok(Some(decoded));
    }
    match url::Host::parse(&decoded) {
        Ok(url::Host::Domain(_)) if is_name(&decoded) => Ok(Some(decoded)),
        Ok(url::Host::Ipv4(address)) => Ok(Some(address.to_string())),
        _ => Err(Fault::new(
            "has an invalid host; percent-encode what is special in the user and the password (`@` as \
             `%40`, `/` as `%2F`, `?` as `%3F`), and write an IPv6 address in brackets",
        )),
    }
}

/// Whether all characters may be part of a host name. The crate `url` accepts more for schemes that it does not know.
fn is_name(host: &str) -> bool {
    host.chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

fn port_number(port: &str) -> Result<u16, Fault> {
    port.parse().ok().filter(|&port| port > 0).ok_or_else(|| {
        Fault::new(
            "has a port that is not a number from 1 to 65535; write one such as 5432, or, where this was to be part of a \
             password, percent-encode what is special in that (`@` as `%40`, `/` as `%2F`)",
        )
    })
}

/// Decodes the text if each `%` in it begins a valid escape; otherwise, as in `100%sure`, returns it unchanged.
fn decode(text: &str) -> String {
    let is_encoded = text.match_indices('%').all(|(at, _)| {
        text.as_bytes()
            .get(at + 1..at + 3)
            .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    });
    if is_encoded && let Ok(decoded) = percent_decode_str(text).decode_utf8() {
        return decoded.into_owned();
    }
    text.to_owned()
}

/// Applies one parameter of the query to `server`.
fn parameter(
    server: &mut Server,
    kind: DatabaseKind,
    name: &str,
    value: &str,
) -> Result<(), Fault> {
    let wrong = |form: &str| {
        // Called only for the names below, so the name is not a secret.
        Fault::new(format!(
            "has a parameter `{name}` whose value cannot be read; write {form}"
        ))
    };
    match (kind, name) {
        (_, "sslmode" | "ssl-mode") => {
            server.tls = Some(Tls::read(value).ok_or_else(|| wrong(Tls::FORM))?);
        }
        (_, "ssl") => {
            let flag = flag(value).ok_or_else(|| wrong("`true` or `false`"))?;
            let tls = if flag { Tls::Require } else { Tls::Disable };
            server.tls = server.tls.or(Some(tls));
        }
        (_, "user") => server.user = Some(value.to_owned()),
        (_, "password") => server.password = Some(value.to_owned().into()),
        (_, "port") => server.port = Some(port_number(value)?),
        (_, "dbname") => server.database = Some(value.to_owned()),
        (DatabaseKind::Postgres, "host" | "hostaddr") | (DatabaseKind::MySql, "host") => {
            server.host = host_name(value)?;
        }
        (DatabaseKind::MySql, "socket" | "unix_socket") => server.host = Some(value.to_owned()),
        (DatabaseKind::Postgres, "pgbouncer") => {
            let pooler = match flag(value) {
                Some(true) => Some(Pooler::Transaction),
                Some(false) => Some(Pooler::None),
                None => Pooler::read(value),
            };
            let form = "`true`, `false`, `session` or `transaction`";
            server.pgbouncer = Some(pooler.ok_or_else(|| wrong(form))?);
        }
        (_, "target_session_attrs") => {
            let attrs = TargetSessionAttrs::read(value);
            server.target_session_attrs = attrs.ok_or_else(|| wrong(TargetSessionAttrs::FORM))?;
        }
        (_, "statement-cache-capacity") => {
            // With a capacity of 0, sqlx 0.9 leaves a named statement on the server for every query.
            let capacity = value.parse::<usize>().ok().filter(|&capacity| capacity > 0);
            capacity.ok_or_else(|| wrong("a whole number from 1 up, or leave it out"))?;
            server
                .parameters
                .push(("statement-cache-capacity", value.to_owned()));
        }
        (DatabaseKind::MySql, "timezone" | "time-zone" | "time_zone") => {
            // An unencoded `+` stands for a blank in a query.
            let zone = match value.strip_prefix(' ') {
                Some(offset) => format!("+{offset}"),
                None => value.to_owned(),
            };
            if zone.contains(['\'', '\\']) {
                return Err(wrong(
                    "an offset such as `%2B02:00`, or the name of a time zone",
                ));
            }
            server.parameters.push(("timezone", zone));
        }
        _ => match driver_name(kind, name) {
            Some(name) => server.parameters.push((name, value.to_owned())),
            None if name.starts_with("options[") && kind == DatabaseKind::Postgres => {
                let setting = name["options[".len()..].trim_end_matches(']');
                server.parameters.push((
                    "options",
                    format!("-c {setting}={}", value.replace(' ', "\\ ")),
                ));
            }
            None => match Fixed::named(name).filter(|_| kind == DatabaseKind::Postgres) {
                Some(fixed) if fixed.is(value) => {}
                Some(fixed) => return Err(Fault::new(fixed.fault())),
                None => {
                    let known = OTHERS.into_iter().find(|other| *other == name);
                    server.ignored.push(known);
                }
            },
        },
    }
    Ok(())
}

/// Returns the name in sqlx of a parameter whose value is passed on as text.
fn driver_name(kind: DatabaseKind, name: &str) -> Option<&'static str> {
    Some(match (kind, name) {
        (_, "sslrootcert" | "ssl-root-cert" | "sslca" | "ssl-ca") => "sslrootcert",
        (_, "sslcert" | "ssl-cert") => "sslcert",
        (_, "sslkey" | "ssl-key") => "sslkey",
        (DatabaseKind::Postgres, "application_name") => "application_name",
        (DatabaseKind::Postgres, "options") => "options",
        (DatabaseKind::MySql, "charset") => "charset",
        (DatabaseKind::MySql, "collation") => "collation",
        _ => return None,
    })
}

/// Parameters of libpq, asyncpg, Prisma, JDBC and MySQL drivers that sqlx does not support.
const OTHERS: [&str; 23] = [
    "allowPublicKeyRetrieval",
    "autocommit",
    "binary_parameters",
    "channel_binding",
    "connect_timeout",
    "connection_limit",
    "currentSchema",
    "gssencmode",
    "keepalives",
    "keepalives_idle",
    "krbsrvname",
    "max_identifier_length",
    "multiStatements",
    "parseTime",
    "pool_timeout",
    "prepareThreshold",
    "prepared_statement_cache_size",
    "schema",
    "server_settings",
    "sslpassword",
    "sslnegotiation",
    "useSSL",
    "use_unicode",
];

fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
