//! The state that a statement or a call leaves on the server's session.

use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::kind::Kind;

/// State that stays on the server's session after the transaction, where the next user of the connection finds it.
///
/// The compile-time rules and the statement guard refuse the same statements because both ask for this:
/// [`Statement::leak`](crate::Statement::leak) and [`SessionCall::leak`](crate::SessionCall::leak).
///
/// ```
/// use demarcate_sql::{Dialect, Leak, session_calls, statements};
///
/// let listen = statements("listen orders", Dialect::Postgres).next().unwrap();
/// assert_eq!(listen.leak(), Some(Leak::Listener));
///
/// let lock = session_calls("select pg_advisory_lock(1)", Dialect::Postgres).next().unwrap();
/// assert_eq!(lock.leak, Leak::Lock);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Leak {
    /// A setting, a role, a schema, an attached database, a seed.
    Setting,
    /// A setting that `set_config` changes (PostgreSQL).
    Config,
    /// A value of the caller's in a variable of the user's own: `SET @a = ?` (MySQL).
    Variable,
    /// A channel that the session listens on.
    Listener,
    /// A prepared statement, or the lack of one that was removed.
    PreparedStatement,
    /// An advisory lock of the session, taken or given back.
    Lock,
    /// A temporary table, or another temporary object.
    TemporaryTable,
    /// A cursor `WITH HOLD` (PostgreSQL), an open `HANDLER` (MySQL).
    Cursor,
    /// What another server does, or a connection to it (PostgreSQL's dblink).
    Foreign,
    /// What is written to a file of the server, or given to a program there: `COPY .. TO PROGRAM` (PostgreSQL), `SELECT ..
    /// INTO OUTFILE` (MySQL).
    File,
}

impl Leak {
    /// All of them.
    ///
    /// ```
    /// use demarcate_sql::Leak;
    ///
    /// assert!(Leak::ALL.contains(&Leak::Cursor));
    /// ```
    pub const ALL: [Self; 10] = [
        Self::Setting,
        Self::Config,
        Self::Variable,
        Self::Listener,
        Self::PreparedStatement,
        Self::Lock,
        Self::TemporaryTable,
        Self::Cursor,
        Self::Foreign,
        Self::File,
    ];
}

/// What a statement leaves on the session, each kind of state once: see [`Statement::leaks`](crate::Statement::leaks).
///
/// ```
/// use demarcate_sql::{Dialect, Leak, statements};
///
/// let sql = "do $$ begin set search_path = a; listen orders; set role b; end $$";
/// let leaks = statements(sql, Dialect::Postgres).next().unwrap().leaks();
/// assert_eq!(leaks.collect::<Vec<_>>(), [Leak::Setting, Leak::Listener]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaks {
    /// A bit for each of [`Leak::ALL`].
    left: u16,
}

impl Leaks {
    pub(crate) fn add(&mut self, leak: Leak) {
        self.left |= 1 << leak as u8;
    }
}

impl Iterator for Leaks {
    type Item = Leak;

    fn next(&mut self) -> Option<Leak> {
        let next = Leak::ALL
            .into_iter()
            .find(|leak| self.left & (1 << *leak as u8) != 0)?;
        self.left &= !(1 << next as u8);
        Some(next)
    }
}

impl core::iter::FusedIterator for Leaks {}

impl Kind {
    /// Returns the state that a statement of this kind leaves on the session.
    ///
    /// A variable of the user's own on MySQL is how a procedure returns a value, and `UNLISTEN` leaves less than it
    /// found: neither counts. [`Statement::leak`](crate::Statement::leak) also knows that `DROP` leaves nothing.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, Kind, Leak};
    ///
    /// assert_eq!(Kind::SetSession.leak(Dialect::Postgres), Some(Leak::Setting));
    /// assert_eq!(Kind::SetLocal.leak(Dialect::Postgres), None);
    /// ```
    #[must_use]
    pub const fn leak(self, dialect: Dialect) -> Option<Leak> {
        match self {
            Self::CopyToFile => return Some(Leak::File),
            _ if !matches!(self.effect(dialect), Effect::SessionState) => return None,
            _ => {}
        }
        match self {
            Self::SetUserVariable | Self::Unlisten => None,
            Self::Listen => Some(Leak::Listener),
            Self::Prepare | Self::Deallocate => Some(Leak::PreparedStatement),
            Self::Temporary => Some(Leak::TemporaryTable),
            Self::DeclareCursorWithHold | Self::HandlerOpen => Some(Leak::Cursor),
            _ => Some(Leak::Setting),
        }
    }
}
