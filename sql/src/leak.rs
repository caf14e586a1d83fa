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
    /// A setting, a role, a schema, an attached database, a seed, a foreign connection.
    Setting,
    /// A channel that the session listens on.
    Listener,
    /// A prepared statement, or the lack of one that was removed.
    PreparedStatement,
    /// An advisory lock of the session, taken or given back.
    Lock,
    /// A temporary table, or another temporary object.
    TemporaryTable,
    /// A cursor `WITH HOLD`.
    Cursor,
}

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
        if !matches!(self.effect(dialect), Effect::SessionState) {
            return None;
        }
        match self {
            Self::SetUserVariable | Self::Unlisten => None,
            Self::Listen => Some(Leak::Listener),
            Self::Prepare | Self::Deallocate => Some(Leak::PreparedStatement),
            Self::Temporary => Some(Leak::TemporaryTable),
            Self::DeclareCursorWithHold => Some(Leak::Cursor),
            _ => Some(Leak::Setting),
        }
    }
}
