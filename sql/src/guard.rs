use crate::lexer::Lexer;
use crate::scan::any_three;
use crate::{Dialect, Effect, Statement, head, settings, statements, temporary};

/// The first statement of a text that a session must not send: see [`Effect::is_guarded`].
///
/// This is the guard that every text passes before it is sent, and the one question to ask of it. A text of one statement
/// is judged by its first keyword; what follows is only searched for a semicolon, and for what would need a second look.
///
/// ```
/// use demarcate_sql::{Dialect, Effect, guard};
///
/// assert!(guard("select * from orders where id = $1", Dialect::Postgres).is_none());
///
/// let effect = |sql, dialect| guard(sql, dialect).map(|found| found.effect());
/// assert_eq!(effect("select 1; /* now */ rollback", Dialect::Postgres), Some(Effect::RollsBack));
/// assert_eq!(effect("set transaction read only", Dialect::Postgres), Some(Effect::Characteristics));
/// assert_eq!(effect("set sql_mode = 'ANSI_QUOTES'", Dialect::MySql), Some(Effect::ChangesReading));
/// assert_eq!(effect("copy orders from stdin", Dialect::Postgres), Some(Effect::NeedsConnection));
/// // A server that skips the comment skips a quote, and then commits.
/// assert_eq!(effect("select 1 /*!50701 ' */; commit; -- '", Dialect::MySql), Some(Effect::Ambiguous));
/// ```
#[must_use]
pub fn guard(sql: &str, dialect: Dialect) -> Option<Statement<'_>> {
    find(sql, dialect, Effect::is_guarded)
}

/// The first statement of a text that does what only the boundary may do: begin, end or nest the transaction.
///
/// [`guard`] finds this and more.
///
/// ```
/// use demarcate_sql::{Dialect, Kind, transaction_control};
///
/// let found = transaction_control("select 1; /* now */ rollback", Dialect::Postgres).unwrap();
/// assert_eq!((found.kind, found.offset), (Kind::Rollback, 20));
/// ```
#[must_use]
pub fn transaction_control(sql: &str, dialect: Dialect) -> Option<Statement<'_>> {
    find(sql, dialect, Effect::controls_transaction)
}

/// The first statement of a text whose effect is wanted, as fast as [`guard`].
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
    if is_decided_by_its_head(sql.as_bytes(), dialect)
        && (is_plain(sql, dialect)
            || !wanted(head::read(Lexer::new(sql, dialect)).kind.effect(dialect)))
    {
        return None;
    }
    statements(sql, dialect).find(|statement| wanted(statement.effect()))
}

/// Whether there is no semicolon with anything behind it, in quotes or not, and nothing that changes what the first
/// words say: no executable comment, no setting that a function sets.
fn is_decided_by_its_head(sql: &[u8], dialect: Dialect) -> bool {
    let end = sql
        .iter()
        .rposition(|byte| !matches!(byte, b';' | b' ' | b'\t'..=b'\r'));
    let Some(sql) = end.and_then(|end| sql.get(..=end)) else {
        return true;
    };
    // The last byte is no semicolon, so that each is the first or the second of three.
    let ends = |a: u8, b: u8| (a == b';') | (b == b';');
    match dialect {
        Dialect::Sqlite => !any_three(sql, |a, b, _| ends(a, b)),
        Dialect::Postgres => {
            let may_mention =
                |a, b, c| settings::may_mention(a, b, c) | temporary::may_mention(a, b, c);
            !any_three(sql, |a, b, c| ends(a, b) | may_mention(a, b, c))
                || (!any_three(sql, |a, b, _| ends(a, b))
                    && !settings::mentions(sql)
                    && !temporary::mentions(sql))
        }
        Dialect::MySql => {
            !any_three(sql, |a, b, _| ends(a, b) | (a == b'/'))
                || (!any_three(sql, |a, b, _| ends(a, b))
                    && !sql.windows(3).any(opens_special_comment))
        }
    }
}

/// `/*!`, `/*M!`, `/*+`: whatever is more than a comment to some server.
fn opens_special_comment(bytes: &[u8]) -> bool {
    matches!(bytes, b"/*!" | b"/*M" | b"/*+")
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
