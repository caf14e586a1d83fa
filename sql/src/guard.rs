use crate::lexer::Lexer;
use crate::{Dialect, Effect, Statement, head, statements};

/// The first statement of a text that does what only the boundary may do: begin, end or nest the transaction.
///
/// This is the guard that every text passes before it is sent. A text of one statement is judged by its first
/// keyword; what follows is only searched for a semicolon.
///
/// ```
/// use demarcate_sql::{Dialect, Kind, transaction_control};
///
/// assert!(transaction_control("select * from orders where id = $1", Dialect::Postgres).is_none());
///
/// let found = transaction_control("select 1; /* now */ rollback", Dialect::Postgres).unwrap();
/// assert_eq!((found.kind, found.offset), (Kind::Rollback, 20));
/// ```
#[must_use]
pub fn transaction_control(sql: &str, dialect: Dialect) -> Option<Statement<'_>> {
    find(sql, dialect, Effect::controls_transaction)
}

/// The first statement of a text whose effect is wanted, as fast as [`transaction_control`].
///
/// `wanted` is not asked about [`Effect::None`], which is never found.
///
/// ```
/// use demarcate_sql::{Dialect, Effect, find};
///
/// let found = find("select 1; set search_path = a", Dialect::Postgres, Effect::leaks_to_session).unwrap();
/// assert_eq!(found.text, "set search_path = a");
/// ```
#[must_use]
pub fn find(sql: &str, dialect: Dialect, wanted: impl Fn(Effect) -> bool) -> Option<Statement<'_>> {
    let wanted = |effect| effect != Effect::None && wanted(effect);
    if is_single(sql)
        && (is_plain(sql, dialect)
            || !wanted(head::read(Lexer::new(sql, dialect)).kind.effect(dialect)))
    {
        return None;
    }
    statements(sql, dialect).find(|statement| wanted(statement.effect()))
}

/// Whether there is no semicolon with anything behind it, in quotes or not.
fn is_single(sql: &str) -> bool {
    match sql.find(';') {
        None => true,
        Some(first) => sql
            .bytes()
            .skip(first)
            .all(|byte| matches!(byte, b';' | b' ' | b'\t'..=b'\r')),
    }
}

/// Whether the first word is one of the four that nearly every statement begins with and that need no second look.
/// It only answers sooner than the lexer, and may say no to any text.
fn is_plain(sql: &str, dialect: Dialect) -> bool {
    let [word @ .., space, next] = match sql.trim_ascii_start().as_bytes().first_chunk::<8>() {
        Some(first) => first.map(|byte| byte.to_ascii_lowercase()),
        None => return false,
    };
    if !matches!(space, b' ' | b'\t'..=b'\r') {
        return false;
    }
    match &word {
        b"select" | b"delete" => true,
        // SQLite has `INSERT OR ROLLBACK`, perhaps after more whitespace or a comment.
        b"insert" | b"update" => {
            dialect != Dialect::Sqlite || (next.is_ascii_alphabetic() && next != b'o')
        }
        _ => false,
    }
}
