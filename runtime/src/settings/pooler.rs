//! What stands between the program and the server.

use std::fmt;

/// What stands between the program and PostgreSQL: it decides what may be left on the server's session.
///
/// It is recognised by what the settings say, in this order: `DB_POOLER`; `pgbouncer=true`, `=false`,
/// `=session` or `=transaction` in the URL; the host of a hosted pooler (Supabase's with its port, Neon's `-pooler`), or one whose name
/// says `pgbouncer`; the port 6543 or 6432. What is right behind a pooler in transaction mode is right
/// behind one in session mode too, so that where both are possible it is taken for the former.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Pooler {
    /// Nothing, or nothing that shows.
    #[default]
    None,
    /// A pooler that lends a connection to the server for as long as the client stays. A session factory
    /// with more connections than the pooler has waits for them in vain.
    Session,
    /// A pooler that lends one for a transaction: the next may run elsewhere.
    Transaction,
}

impl Pooler {
    /// Whether the server's session is another client's as soon as the transaction ends.
    pub(crate) fn shares_sessions(self) -> bool {
        self == Self::Transaction
    }

    pub(crate) const FORM: &'static str = "`none`, `session` or `transaction`";

    pub(crate) fn read(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "none" => Self::None,
            "session" => Self::Session,
            "transaction" => Self::Transaction,
            _ => return None,
        })
    }

    /// What the host and the port tell.
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
