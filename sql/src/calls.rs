//! Calls of functions that leave something on the server's session.

use crate::dialect::Dialect;
use crate::leak::Leak;
use crate::lexer::Lexer;
use crate::settings::content;
use crate::token::{Shape, Token};

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
            if let Some(call) = self.of_mysql(&token) {
                return Some(call);
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

impl<'a> SessionCalls<'a> {
    /// What a query of MySQL leaves that is no call: `@a := ?` (8.4 manual 11.4 "User-Defined Variables"), and `INTO OUTFILE
    /// 'a'` (15.2.13.1).
    fn of_mysql(&self, token: &Token<'a>) -> Option<SessionCall<'a>> {
        let mut behind = self.lexer;
        if behind.dialect() != Dialect::MySql {
            return None;
        }
        let of = |start, end, leak| SessionCall {
            name: self.lexer.slice(start, end),
            offset: start,
            leak,
        };
        if token.is("into") {
            let target = behind.next_inside()?;
            let is_file = target.is_any(&["outfile", "dumpfile"])
                && behind.peek().is_some_and(|next| next.shape == Shape::Text);
            return is_file.then(|| of(token.start, target.end(), Leak::File));
        }
        let end = variable(token, &mut behind)?;
        let assigns = behind.accept_mark(b':') && behind.accept_mark(b'=');
        (assigns && is_bound(behind)).then(|| of(token.start, end, Leak::Variable))
    }
}

/// Whether a parameter stands in an expression, up to its end.
fn is_bound(mut value: Lexer<'_>) -> bool {
    let mut depth = 0_usize;
    while let Some(token) = value.next_inside() {
        match token.shape {
            Shape::Mark(b'?') => return true,
            Shape::Mark(b'(') => depth += 1,
            Shape::Mark(b')' | b',') if depth == 0 => return false,
            Shape::Mark(b')') => depth -= 1,
            Shape::Word if depth == 0 && token.is_any(&["from", "where", "limit", "as"]) => {
                return false;
            }
            _ => {}
        }
    }
    false
}

/// Reads the name of a variable of the user's own, `@a`, `` @`a` ``, `@a.b`, and returns its end. `@@a` is the server's.
fn variable(at: &Token<'_>, behind: &mut Lexer<'_>) -> Option<usize> {
    if !at.is_mark(b'@') {
        return None;
    }
    let mut name = behind.next_inside()?;
    if !matches!(name.shape, Shape::Word | Shape::Name | Shape::Text) || name.start != at.end() {
        return None;
    }
    while behind.accept_mark(b'.') {
        name = behind.next_inside()?;
    }
    Some(name.end())
}

/// Returns the state that a call of this function leaves on the session; `behind` is after the name.
fn leak(name: &Token<'_>, mut behind: Lexer<'_>) -> Option<Leak> {
    if !behind.accept_mark(b'(') {
        return None;
    }
    let dialect = behind.dialect();
    if dialect == Dialect::Postgres && name.names("set_config") {
        return (!is_local(behind)).then_some(Leak::Config);
    }
    if dialect == Dialect::Postgres && name.names("dblink") {
        return writes_elsewhere(behind).then_some(Leak::Foreign);
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
            // 33.4 "Server-Side Functions", and adminpack.
            ("lo_export", Leak::File),
            ("pg_file_write", Leak::File),
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

/// `pg_`, `dbl`, `t_c`, `t_l`, `tse`, `o_e`
pub(crate) fn may_name_of_postgres(a: u8, b: u8, c: u8) -> bool {
    let (lower_a, lower_b, lower_c) = (a | 0x20, b | 0x20, c | 0x20);
    ((lower_a == b'p') & (lower_b == b'g') & (c == b'_'))
        | ((lower_a == b'd') & (lower_b == b'b') & (lower_c == b'l'))
        | ((lower_a == b'o') & (b == b'_') & (lower_c == b'e'))
        | ((lower_a == b't')
            & (((b == b'_') & ((lower_c == b'c') | (lower_c == b'l')))
                | ((lower_b == b's') & (lower_c == b'e'))))
}

/// `_lo`, and `@`, `tfi` and `pfi` of what is no call: `@a := ?`, `INTO OUTFILE`, `INTO DUMPFILE`
pub(crate) fn may_name_of_mysql(a: u8, b: u8, c: u8) -> bool {
    let lower_a = a | 0x20;
    ((a == b'_') & (b | 0x20 == b'l') & (c | 0x20 == b'o'))
        | (b == b'@')
        | (((lower_a == b't') | (lower_a == b'p')) & (b | 0x20 == b'f') & (c | 0x20 == b'i'))
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

/// Whether the argument `is_local` of `set_config(name, value, is_local)`, the last or the one that is called so, is literally
/// true: PostgreSQL 9.28.1, 4.3 "Calling Functions".
fn is_local(mut arguments: Lexer<'_>) -> bool {
    let mut depth = 0_usize;
    let mut starts_argument = true;
    let mut local = false;
    loop {
        if starts_argument {
            match argument_name(&mut arguments) {
                Some(name) if !name.names("is_local") => {}
                _ => local = is_true_argument(arguments),
            }
        }
        let Some(token) = arguments.next_inside() else {
            return local;
        };
        if token.is_mark(b')') && depth == 0 {
            return local;
        }
        starts_argument = token.is_mark(b',') && depth == 0;
        if token.is_mark(b'(') {
            depth += 1;
        } else if token.is_mark(b')') {
            depth -= 1;
        }
    }
}

/// Reads past `name =>`, or `name :=` as it used to be.
fn argument_name<'a>(arguments: &mut Lexer<'a>) -> Option<Token<'a>> {
    let mut ahead = *arguments;
    let name = ahead.next_inside()?;
    let is_named = match ahead.next_inside()?.shape {
        Shape::Mark(b'=') => ahead.accept_mark(b'>'),
        Shape::Mark(b':') => ahead.accept_mark(b'='),
        _ => false,
    };
    if !is_named {
        return None;
    }
    *arguments = ahead;
    Some(name)
}

/// Whether an argument is `true`, or `true::boolean`.
fn is_true_argument(mut argument: Lexer<'_>) -> bool {
    if !argument.next_inside().is_some_and(|value| is_true(&value)) {
        return false;
    }
    if argument.accept_mark(b':') && argument.accept_mark(b':') {
        argument.next_inside();
    }
    argument
        .peek()
        .is_none_or(|next| next.is_mark(b',') || next.is_mark(b')'))
}

/// Whether `dblink(connection, sql)` runs a text that writes, as far as it is a literal: what is written there is committed
/// at once. PostgreSQL F.11 "dblink".
fn writes_elsewhere(mut arguments: Lexer<'_>) -> bool {
    let mut depth = 0_usize;
    while let Some(token) = arguments.next_inside() {
        match token.shape {
            Shape::Mark(b')') if depth == 0 => return false,
            Shape::Mark(b'(') => depth += 1,
            Shape::Mark(b')') => depth -= 1,
            Shape::Text if writes(content(token.text)) => return true,
            _ => {}
        }
    }
    false
}

/// Whether a statement of a text writes. It may be the beginning of one, as in `'insert into a values (' || $1 || ')'`.
fn writes(sql: &str) -> bool {
    const WRITE: [&str; 9] = [
        "alter", "call", "create", "delete", "drop", "insert", "merge", "truncate", "update",
    ];
    let mut lexer = Lexer::new(sql, Dialect::Postgres);
    let mut at_statement = true;
    let mut is_with = false;
    while let Some(token) = lexer.next() {
        let is_followed = lexer.peek().is_some_and(|next| next.identifier().is_some());
        if at_statement && token.is_any(&WRITE) && is_followed {
            return true;
        }
        let is_mark = |mark| token.is_mark(mark);
        is_with = !is_mark(b';') && (is_with || (at_statement && token.is("with")));
        at_statement = is_mark(b';') || (is_with && (is_mark(b'(') || is_mark(b')')));
    }
    false
}

fn is_true(token: &Token<'_>) -> bool {
    token.is("true") || matches!(token.text, "'true'" | "'t'" | "'on'" | "'yes'" | "'1'")
}

#[cfg(test)]
mod tests;
