//! Why a connection could not be made: advice for the user, and whether another attempt may succeed.

use std::io::{self, ErrorKind};

use sqlx::error::DatabaseError;

use crate::util::certificate::CertificateFault;
use crate::util::wrong_server::is_wrong_server;

/// The diagnosis of a failed attempt to connect.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The advice for the user: the things to check.
    pub(crate) advice: &'static str,
    /// Whether a database that is still starting fails in this way, so that another attempt may succeed.
    pub(crate) may_pass: bool,
}

impl Diagnosis {
    /// Creates the diagnosis of a failure after which another attempt may succeed.
    pub(crate) const fn passing(advice: &'static str) -> Self {
        Self {
            advice,
            may_pass: true,
        }
    }

    /// Creates the diagnosis of a failure that every attempt repeats until somebody changes something.
    pub(crate) const fn lasting(advice: &'static str) -> Self {
        Self {
            advice,
            may_pass: false,
        }
    }

    /// Diagnoses `error`. `refusal` diagnoses an error that the database itself reported, and `general` is the advice
    /// where nothing more is known.
    pub(crate) fn from_error(
        error: &sqlx::Error,
        general: &'static str,
        refusal: impl FnOnce(&dyn DatabaseError) -> Option<Self>,
    ) -> Self {
        use sqlx::Error as E;
        match error {
            E::Io(error) => Self::from_io(error, general),
            E::Database(error) => refusal(&**error).unwrap_or(Self::lasting(general)),
            E::Tls(error) => Self::of_handshake(
                &error.to_string(),
                "does the server offer TLS, does its certificate fit its host, and has sqlx one of its features \
                 `tls-*`? `sslmode` in the URL says how much of that is asked for",
            ),
            E::Protocol(message) if message.contains(NO_ANSWER_TO_TLS) => Self::passing(HUNG_UP),
            E::Protocol(_) => Self::lasting(
                "does a server of this database listen there, and not some other server?",
            ),
            E::Configuration(_) => Self::lasting("look at the parameters of the URL"),
            _ => Self::lasting(general),
        }
    }

    /// Diagnoses a failed TLS handshake, from the text of the TLS library.
    fn of_handshake(text: &str, general: &'static str) -> Self {
        Self::lasting(CertificateFault::find(text).map_or(general, CertificateFault::advice))
    }

    /// Diagnoses an I/O error.
    fn from_io(error: &io::Error, general: &'static str) -> Self {
        match error.kind() {
            ErrorKind::ConnectionRefused => Self::passing(
                "nobody listens there: is the server running, and are host and port right?",
            ),
            ErrorKind::TimedOut => Self::passing(
                "are host and port right, does a firewall let it through, and is the server well?",
            ),
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
                Self::passing("is the host right, and can the network reach it?")
            }
            // A proxy closes the connection in this way if its database is not running.
            ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::passing(HUNG_UP),
            ErrorKind::NotFound => Self::passing(
                "there is no such file: is the server running, and is this the directory of its socket? do `sslrootcert`, \
                 `sslcert` and `sslkey` name files?",
            ),
            // rustls has the fault of a certificate inside an error of this kind.
            ErrorKind::InvalidData => Self::of_handshake(&error.to_string(), general),
            ErrorKind::PermissionDenied => {
                Self::lasting("this process may not use that socket; look at its permissions")
            }
            ErrorKind::AddrNotAvailable | ErrorKind::InvalidInput => {
                Self::lasting("is the host right, and is the port from 1 to 65535?")
            }
            _ if is_wrong_server(error) => Self::passing(
                "wait until the failover is over, or look at where the address leads; `retry` and `startup_timeout` wait \
                 for it",
            ),
            _ if is_name_resolution(error) => Self::passing(
                "the host name cannot be resolved: is it spelt right, and is it in the DNS?",
            ),
            _ => Self::lasting(general),
        }
    }
}

const HUNG_UP: &str = "the other side hung up: is it a server of this database, and is it well?";

/// The error of sqlx 0.9 where PostgreSQL's side hangs up when it is asked for TLS: it takes no byte for one of zero.
const NO_ANSWER_TO_TLS: &str = "unexpected response from SSLRequest: 0x00";

/// Whether a host name could not be resolved. The standard library has no `ErrorKind` for that, only this text.
fn is_name_resolution(error: &io::Error) -> bool {
    error
        .to_string()
        .starts_with("failed to lookup address information")
}
