//! What keeps a connection from being made, and what to look at.

use std::io::{self, ErrorKind};

use crate::backend::Backend;

/// What keeps a connection from being made.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What to look at.
    pub(crate) advice: &'static str,
    /// A database that is coming up is met like this, so that another attempt may fare better.
    pub(crate) may_pass: bool,
}

impl Cause {
    pub(crate) const fn passing(advice: &'static str) -> Self {
        Self {
            advice,
            may_pass: true,
        }
    }

    pub(crate) const fn lasting(advice: &'static str) -> Self {
        Self {
            advice,
            may_pass: false,
        }
    }

    /// What `error`, met while a connection was made, comes from.
    pub(crate) fn of<DB: Backend>(error: &sqlx::Error) -> Self {
        use sqlx::Error as E;
        match error {
            E::Io(error) => Self::of_io(error, DB::CONNECT_ADVICE),
            E::Database(error) => {
                DB::refusal(&**error).unwrap_or(Self::lasting(DB::CONNECT_ADVICE))
            }
            E::Tls(_) => Self::lasting(
                "does the server offer TLS, does its certificate fit its host, and has sqlx one of its features \
                 `tls-*`? `sslmode` in the URL says how much of that is asked for",
            ),
            E::Protocol(_) => {
                Self::lasting("is it a server of this database that listens there, and no other?")
            }
            E::Configuration(_) => Self::lasting("look at the parameters of the URL"),
            _ => Self::lasting(DB::CONNECT_ADVICE),
        }
    }

    fn of_io(error: &io::Error, general: &'static str) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::passing(
                "nobody listens there: is the server running, and are host and port right?",
            ),
            ErrorKind::TimedOut => Self::passing(
                "are host and port right, does a firewall let it through, and is the server well?",
            ),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
                Self::passing("is the host right, and is there a network between it and here?")
            }
            // A proxy in front of a database that is not there does this.
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::passing(
                "whoever listens there hung up: is it a server of this database, and is it well?",
            ),
            ErrorKind::NotFound => Self::passing(
                "there is no such socket: is the server running, and is it the directory of its socket?",
            ),
            ErrorKind::PermissionDenied => {
                Self::lasting("this process may not use that socket; look at its permissions")
            }
            ErrorKind::AddrNotAvailable | ErrorKind::InvalidInput => Self::lasting(
                "is the host one that can be connected to, and the port from 1 to 65535?",
            ),
            _ if is_of_name(error) => Self::passing(
                "the name of the host is not known: is it spelt right, and does the DNS here know it?",
            ),
            _ => Self::lasting(general),
        }
    }
}

/// The standard library has no kind for a name that cannot be looked up, only this text.
fn is_of_name(error: &io::Error) -> bool {
    error
        .to_string()
        .starts_with("failed to lookup address information")
}
