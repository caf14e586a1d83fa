//! The kinds of connection pooler between the program and the server.

use std::fmt;

/// The connection pooler, if any, between the program and PostgreSQL. It decides which state a transaction may leave on
/// the server's session.
///
/// The pooler is detected from the settings, in this order: `DB_POOLER`; `pgbouncer=true`, `=false`, `=session` or
/// `=transaction` in the URL; the host of a hosted pooler (Supabase's with its port, Neon's `-pooler`), or a host name
/// with `pgbouncer` in it; the port 6543 or 6432. If both modes are possible, transaction mode is assumed: a program
/// that is correct in transaction mode is correct in session mode too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Pooler {
    /// No pooler, or none that can be detected.
    #[default]
    None,
    /// A pooler that assigns a server connection to a client until the client disconnects. A session factory with more
    /// connections than the pooler waits for them in vain.
    Session,
    /// A pooler that assigns a server connection for one transaction: the next transaction may run on another.
    Transaction,
}

impl Pooler {
    /// Whether the server's session may belong to another client as soon as the transaction ends.
    pub(crate) fn shares_sessions(self) -> bool {
        self == Self::Transaction
    }

    /// The values that `DB_POOLER` may have.
    pub(crate) const FORM: &'static str = "`none`, `session` or `transaction`";

    /// Parses the name of a pooler.
    pub(crate) fn read(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "session" => Self::Session,
            "transaction" => Self::Transaction,
            _ => return None,
        })
    }

    /// Detects the pooler from the host and the port.
    pub(crate) fn at(host: &str, port: Option<u16>) -> Self {
        let host = host.to_ascii_lowercase();
        let first = host.split('.').next().unwrap_or_default();
        let is_supabase = host.ends_with(".pooler.supabase.com");
        match port {
            Some(5432) | None if is_supabase => Self::Session,
            Some(6543 | 6432) => Self::Transaction,
            _ if is_supabase || first.ends_with("-pooler") || first.contains("pgbouncer") => {
                Self::Transaction
            }
            _ => Self::None,
        }
    }
}

impl fmt::Display for Pooler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Session => "session",
            Self::Transaction => "transaction",
        })
    }
}
