//! The guard: finds the first statement of a text that a session must not send.

use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::scan::any_three;
use crate::split::{Statement, in_literal, statements};
use crate::{calls, conflict, head, schema, settings, temporary};

/// The first statement of a text that a session must not send: see [`Effect::is_guarded`].
///
/// This is the guard that every text passes before it is sent, and the one question to ask of it. A text of one statement
/// is judged by its first keyword; the rest is only searched for a semicolon and for text that needs a second look.
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
    find_kind(sql, dialect, |kind| {
        let effect = kind.effect(dialect);
        effect != Effect::None && wanted(effect)
    })
}

/// The first statement of a text whose kind is wanted, as fast as [`find`].
///
/// A plain `SELECT`, `INSERT`, `UPDATE` or `DELETE` is not looked for: see [`is_plain`].
///
/// ```
/// use demarcate_sql::{Dialect, Kind, find_kind};
///
/// let sql = "with a as (select 1) select * from a; drop table orders";
/// let found = find_kind(sql, Dialect::Postgres, |kind| kind.may_change_schema(Dialect::Postgres)).unwrap();
/// assert_eq!((found.text, found.kind), ("drop table orders", Kind::Ddl));
/// ```
#[must_use]
pub fn find_kind(
    sql: &str,
    dialect: Dialect,
    wanted: impl Fn(Kind) -> bool,
) -> Option<Statement<'_>> {
    if is_plain(sql, dialect)
        || (is_decided_by_its_head(sql.as_bytes(), dialect)
            && !wanted(head::read(Lexer::new(sql, dialect), in_literal).kind))
    {
        return None;
    }
    statements(sql, dialect).find(|statement| wanted(statement.kind))
}

/// Whether a text is exactly one statement. Comments, and semicolons at its end, do not count.
///
/// ```
/// use demarcate_sql::{Dialect, is_single};
///
/// assert!(is_single("select ';' -- the only one\n;", Dialect::Postgres));
/// assert!(!is_single("select 1; select 2", Dialect::Postgres));
/// assert!(!is_single("-- nothing", Dialect::Postgres));
/// ```
#[must_use]
pub fn is_single(sql: &str, dialect: Dialect) -> bool {
    if without_end(sql.as_bytes()).contains(&b';') {
        let mut statements = statements(sql, dialect);
        return statements.next().is_some() && statements.next().is_none();
    }
    Lexer::new(sql, dialect)
        .peek()
        .is_some_and(|first| !first.is_mark(b';'))
}

/// Whether a text is visibly one `SELECT`, `INSERT`, `UPDATE` or `DELETE` and nothing else: [`find`] finds nothing in it,
/// whatever is wanted, nor does [`session_calls`](crate::session_calls); it [`is_single`], changes no schema
/// ([`Statement::changes_schema`]), and on SQLite there is no NUL in it.
///
/// It takes one look at each byte, and may say no to any text. Nearly every text that a program sends is plain.
///
/// ```
/// use demarcate_sql::{Dialect, is_plain};
///
/// assert!(is_plain("select id from orders where id = $1", Dialect::Postgres));
/// assert!(!is_plain("select 1; commit", Dialect::Postgres));
/// assert!(!is_plain("select pg_advisory_lock(1)", Dialect::Postgres));
/// assert!(!is_plain("insert or rollback into orders values (1)", Dialect::Sqlite));
/// ```
#[must_use]
pub fn is_plain(sql: &str, dialect: Dialect) -> bool {
    begins_plainly(sql, dialect) && looks_plain(sql, dialect)
}

/// Whether nothing in a text needs a second look. It begins with a word.
pub(crate) fn looks_plain(sql: &str, dialect: Dialect) -> bool {
    let sql = without_end(sql.as_bytes());
    // It begins with a word and does not end with a semicolon, so that each of these is the second of three.
    let found = match dialect {
        Dialect::Postgres => any_three(sql, |a, b, c| {
            (b == b';') | calls::may_name_of_postgres(a, b, c) | temporary::may_mention(a, b, c)
        }),
        Dialect::MySql => any_three(sql, |a, b, c| {
            (b == b';') | (b == b'/') | calls::may_name_of_mysql(a, b, c)
        }),
        Dialect::Sqlite => any_three(sql, |a, b, c| {
            (b == b';')
                | (b == 0)
                | (c == 0)
                | calls::may_name_of_sqlite(a, b, c)
                | schema::may_name(a, b, c)
        }),
    };
    !found
}

/// The text without the semicolons and blanks that it ends with.
fn without_end(sql: &[u8]) -> &[u8] {
    sql.iter()
        .rposition(|byte| !matches!(byte, b';' | b' ' | b'\t'..=b'\r'))
        .and_then(|end| sql.get(..=end))
        .unwrap_or_default()
}

/// A semicolon. Where the last byte is none, each is the first or the second of three.
fn ends(a: u8, b: u8) -> bool {
    (a == b';') | (b == b';')
}

/// Whether there is no semicolon with anything behind it, in quotes or not, and nothing that changes what the first
/// words say: no executable comment, no setting that a function sets.
fn is_decided_by_its_head(sql: &[u8], dialect: Dialect) -> bool {
    let sql = without_end(sql);
    match dialect {
        Dialect::Sqlite => {
            !any_three(sql, |a, b, c| ends(a, b) | conflict::may_mention(a, b, c))
                || (!any_three(sql, |a, b, _| ends(a, b)) && !conflict::mentions(sql))
        }
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
fn begins_plainly(sql: &str, dialect: Dialect) -> bool {
    let Some(([word @ .., space], rest)) = sql
        .trim_ascii_start()
        .as_bytes()
        .split_first_chunk::<7>()
        .map(|(first, rest)| (first.map(|byte| byte.to_ascii_lowercase()), rest))
    else {
        return false;
    };
    if !matches!(space, b' ' | b'\t'..=b'\r') {
        return false;
    }
    match &word {
        b"select" | b"delete" => true,
        b"insert" | b"update" => dialect != Dialect::Sqlite || is_no_or(rest),
        _ => false,
    }
}

/// SQLite has `INSERT OR ROLLBACK`, perhaps after more whitespace or a comment. `update orders` is not that.
fn is_no_or(rest: &[u8]) -> bool {
    match rest {
        [b'o' | b'O', b'r' | b'R', next, ..] => next.is_ascii_alphanumeric() || *next == b'_',
        [first, _, _, ..] => first.is_ascii_alphabetic(),
        _ => false,
    }
}
