//! The kind of server that a session factory asks for.

use std::fmt;

use crate::error::Error;

/// The kind of server on which the boundaries of a session factory may run, under the names of libpq's
/// `target_session_attrs`.
///
/// It is set by `target_session_attrs=primary` in the URL, by `DB_TARGET_SESSION_ATTRS`, by libpq's `PGTARGETSESSIONATTRS`
/// beside `PGHOST`, or by [`Builder::target_session_attrs`](crate::Builder::target_session_attrs).
///
/// Without it, a connection that leads to a standby after a failover is found by the first write that the server refuses.
/// With it, the server is asked in the round trip in which each transaction begins, before any statement is sent. A
/// connection to another kind of server is closed, and the transaction begins on a new one. If that leads to the wrong
/// kind of server too, the boundary fails with [`Error::Connect`](crate::Error::Connect), which is retryable.
///
/// The replicas of a factory are not asked: [`Builder::replica`](crate::Builder::replica) names them, and the option
/// [`replica`](crate::TxOptions::replica) asks for them. SQLite has no such servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TargetSessionAttrs {
    /// Any server: `any`. The server is not asked.
    #[default]
    Any,
    /// A server that accepts writes: `read-write`. PostgreSQL: not a standby, and `default_transaction_read_only` is off.
    /// MySQL and MariaDB: `read_only` and `innodb_read_only` are off.
    ReadWrite,
    /// A server that is not a standby: `primary`. PostgreSQL: not in recovery. MySQL and MariaDB, where a server does not
    /// say whether it is a replica: as [`ReadWrite`](Self::ReadWrite).
    Primary,
}

impl TargetSessionAttrs {
    /// The values that a URL or a variable may have.
    pub(crate) const FORM: &'static str = "`any`, `read-write` or `primary` (replicas are named by \
                                           DATABASE_REPLICA_URL or `Builder::replica`, and asked for with the option \
                                           `replica`)";

    /// Rejects a replica's settings that ask for a primary.
    pub(crate) fn check_replica(self) -> Result<(), Error> {
        match self {
            Self::Any => Ok(()),
            Self::ReadWrite | Self::Primary => Err(Error::config(
                "a replica cannot be asked for with `target_session_attrs`; leave it out of the replica's URL, and write \
                 it in the URL of the primary",
            )),
        }
    }

    /// Parses the name of a value.
    pub(crate) fn read(word: &str) -> Option<Self> {
        Some(match &*word.to_ascii_lowercase() {
            "any" => Self::Any,
            "read-write" => Self::ReadWrite,
            "primary" => Self::Primary,
            _ => return None,
        })
    }
}

impl fmt::Display for TargetSessionAttrs {
    /// Writes the name of libpq: `read-write`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::Primary => "primary",
        })
    }
}
