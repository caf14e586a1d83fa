//! Calls of functions that leave something on the server's session.

use crate::dialect::Dialect;
use crate::leak::Leak;
use crate::lexer::Lexer;
use crate::token::Token;

/// A call of a function that changes the server's session.
///
/// ```
/// use demarcate_sql::{Dialect, session_calls};
///
/// let call = session_calls("select get_lock('a', 1)", Dialect::MySql).next().unwrap();
/// assert_eq!((call.name, call.offset), ("get_lock", 7));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionCall<'a> {
    /// The function's name as it is written, without quotes and schema.
    pub name: &'a str,
    /// Where the name starts, in bytes.
    pub offset: usize,
    /// The state that the call leaves on the session.
    pub leak: Leak,
}

/// The calls in a text that change the server's session, though their statement is a plain one: advisory locks of the
/// session, `set_config` that is not local, and their like.
///
/// A call is a name with a parenthesis behind it, outside quotes and comments; a column list as in
/// `insert into get_lock (a)` is taken for one as well.
///
/// ```
/// use demarcate_sql::{Dialect, session_calls};
///
/// let names = |sql| session_calls(sql, Dialect::Postgres).map(|call| call.name).collect::<Vec<_>>();
/// assert_eq!(names("select pg_catalog.pg_advisory_lock(1)"), ["pg_advisory_lock"]);
/// assert_eq!(names("select pg_advisory_xact_lock(1)"), [""; 0]);
/// assert_eq!(names("select set_config('app.user', $1, false)"), ["set_config"]);
/// assert_eq!(names("select set_config('app.user', $1, true)"), [""; 0]);
/// ```
#[must_use]
pub fn session_calls(sql: &str, dialect: Dialect) -> SessionCalls<'_> {
    SessionCalls {
        lexer: Lexer::new(sql, dialect),
    }
}

/// Iterator over the calls in a text that change the server's session: see [`session_calls`].
///
/// ```
/// use demarcate_sql::{Dialect, session_calls};
///
/// let sql = "select pg_try_advisory_lock(1), pg_advisory_unlock(1)";
/// assert_eq!(session_calls(sql, Dialect::Postgres).count(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct SessionCalls<'a> {
    lexer: Lexer<'a>,
}

impl<'a> Iterator for SessionCalls<'a> {
    type Item = SessionCall<'a>;

    fn next(&mut self) -> Option<SessionCall<'a>> {
        loop {
            let token = self.lexer.next()?;
            // A definition, `create function get_lock()`, or a trigger's `execute procedure f()`.
            if token.is_any(&["function", "procedure"]) {
                self.lexer.next();
                continue;
            }
            let Some(name) = token.identifier() else {
                continue;
            };
            if let Some(leak) = leak(&token, self.lexer) {
                let offset = token.start + token.text.find(name).unwrap_or_default();
                return Some(SessionCall { name, offset, leak });
            }
        }
    }
}

impl core::iter::FusedIterator for SessionCalls<'_> {}

/// Returns the state that a call of this function leaves on the session; `behind` is after the name.
fn leak(name: &Token<'_>, mut behind: Lexer<'_>) -> Option<Leak> {
    if !behind.accept_mark(b'(') {
        return None;
    }
    let dialect = behind.dialect();
    if dialect == Dialect::Postgres && name.names("set_config") {
        return (!is_local(behind)).then_some(Leak::Setting);
    }
    if dialect == Dialect::Postgres && SLOTS.into_iter().any(|slot| name.names(slot)) {
        return has_true(behind).then_some(Leak::Setting);
    }
    functions(dialect)
        .iter()
        .find(|(function, _)| name.names(function))
        .map(|(_, leak)| *leak)
}

/// The functions that leave something on the session whatever their arguments are.
fn functions(dialect: Dialect) -> &'static [(&'static str, Leak)] {
    match dialect {
        // PostgreSQL 9.28.10 "Advisory Lock Functions", 9.28.3 "Backup Control Functions", 9.28.6 "Replication
        // Management Functions", table 9.6 (`setseed`), F.11 "dblink".
        Dialect::Postgres => &[
            ("dblink_connect", Leak::Foreign),
            ("dblink_connect_u", Leak::Foreign),
            ("dblink_disconnect", Leak::Foreign),
            ("dblink_exec", Leak::Foreign),
            ("dblink_send_query", Leak::Foreign),
            ("pg_advisory_lock", Leak::Lock),
            ("pg_advisory_lock_shared", Leak::Lock),
            ("pg_advisory_unlock", Leak::Lock),
            ("pg_advisory_unlock_all", Leak::Lock),
            ("pg_advisory_unlock_shared", Leak::Lock),
            ("pg_backup_start", Leak::Setting),
            ("pg_backup_stop", Leak::Setting),
            ("pg_replication_origin_session_reset", Leak::Setting),
            ("pg_replication_origin_session_setup", Leak::Setting),
            ("pg_try_advisory_lock", Leak::Lock),
            ("pg_try_advisory_lock_shared", Leak::Lock),
            ("setseed", Leak::Setting),
            // F.35 "pg_trgm".
            ("set_limit", Leak::Setting),
        ],
        // MySQL 8.4 manual 14.14 "Locking Functions", 7.6.9.1.2 "The Locking Service Function Interface", 7.6.6.3 "Version
        // Tokens Reference".
        Dialect::MySql => &[
            ("service_get_read_locks", Leak::Lock),
            ("service_get_write_locks", Leak::Lock),
            ("service_release_locks", Leak::Lock),
            ("version_tokens_lock_exclusive", Leak::Lock),
            ("version_tokens_lock_shared", Leak::Lock),
            ("get_lock", Leak::Lock),
            ("release_all_locks", Leak::Lock),
            ("release_lock", Leak::Lock),
        ],
        // SQLite, "Built-In Scalar SQL Functions".
        Dialect::Sqlite => &[("load_extension", Leak::Setting)],
    }
}

// Three letters of each of these names, and of `set_config` and `pg_settings`, whatever their case.

/// `pg_`, `dbl`, `t_c`, `t_l`, `tse`
pub(crate) fn may_name_of_postgres(a: u8, b: u8, c: u8) -> bool {
    let (lower_a, lower_b, lower_c) = (a | 0x20, b | 0x20, c | 0x20);
    ((lower_a == b'p') & (lower_b == b'g') & (c == b'_'))
        | ((lower_a == b'd') & (lower_b == b'b') & (lower_c == b'l'))
        | ((lower_a == b't')
            & (((b == b'_') & ((lower_c == b'c') | (lower_c == b'l')))
                | ((lower_b == b's') & (lower_c == b'e'))))
}

/// `_lo`
pub(crate) fn may_name_of_mysql(a: u8, b: u8, c: u8) -> bool {
    (a == b'_') & (b | 0x20 == b'l') & (c | 0x20 == b'o')
}

/// `_ex`
pub(crate) fn may_name_of_sqlite(a: u8, b: u8, c: u8) -> bool {
    (a == b'_') & (b | 0x20 == b'e') & (c | 0x20 == b'x')
}

/// A slot of these that is `temporary` is the session's, and no rollback takes one back: PostgreSQL 9.28.6.
const SLOTS: [&str; 4] = [
    "pg_copy_logical_replication_slot",
    "pg_copy_physical_replication_slot",
    "pg_create_logical_replication_slot",
    "pg_create_physical_replication_slot",
];

fn has_true(mut arguments: Lexer<'_>) -> bool {
    while let Some(token) = arguments.next_inside() {
        if token.is_mark(b')') {
            return false;
        }
        if is_true(&token) {
            return true;
        }
    }
    false
}

/// Whether the last argument of `set_config(name, value, is_local)` is literally true: PostgreSQL 9.28.1.
fn is_local(mut arguments: Lexer<'_>) -> bool {
    let mut depth = 0_usize;
    let mut starts_argument = false;
    let mut local = false;
    while let Some(token) = arguments.next_inside() {
        if token.is_mark(b')') && depth == 0 {
            break;
        }
        local = starts_argument && is_true(&token);
        starts_argument = token.is_mark(b',') && depth == 0;
        if token.is_mark(b'(') {
            depth += 1;
        } else if token.is_mark(b')') {
            depth -= 1;
        }
    }
    local
}

fn is_true(token: &Token<'_>) -> bool {
    token.is("true") || matches!(token.text, "'true'" | "'t'" | "'on'" | "'yes'" | "'1'")
}

#[cfg(test)]
mod tests;
