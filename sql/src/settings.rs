//! Settings of PostgreSQL that a query changes.

use crate::dialect::Dialect;
use crate::head::postgres_setting;
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::scan::any_three;
use crate::token::{Shape, Token};

/// The setting that a plain statement of PostgreSQL changes, where its text shows which: `set_config('name', ..)`
/// (9.28.1), and an `UPDATE` of the view `pg_settings` (53.25), which calls it.
pub(crate) fn changed(sql: &str) -> Option<Kind> {
    if !mentions(sql.as_bytes()) {
        return None;
    }
    let mut lexer = Lexer::new(sql, Dialect::Postgres);
    let mut called = false;
    let mut before: Option<Token<'_>> = None;
    while let Some(token) = lexer.next() {
        if token.is("update") && is_settings(lexer) {
            return Some(Kind::SetReading);
        }
        if token.names("set_config") && lexer.accept_mark(b'(') {
            called = true;
            if lexer.peek().is_some_and(|name| is_escaped(&name)) {
                return Some(Kind::SetReading);
            }
        }
        if called && token.shape == Shape::Text {
            // `U&'standard\005fconforming_strings'`, `setting_name => E'standard..'`
            let hidden = before.is_some_and(|last| {
                last.is_mark(b'&') || (last.is_mark(b'>') && is_escaped(&token))
            });
            if hidden {
                return Some(Kind::SetReading);
            }
            match postgres_setting(content(token.text)) {
                Kind::Other => {}
                kind => return Some(kind),
            }
        }
        before = Some(token);
    }
    None
}

/// Whether `set_config` or `pg_settings` is in it, as a name or otherwise.
pub(crate) fn mentions(sql: &[u8]) -> bool {
    any_three(sql, may_mention)
        && ["set_config", "pg_settings"].into_iter().any(|name| {
            sql.windows(name.len())
                .any(|window| window.eq_ignore_ascii_case(name.as_bytes()))
        })
}

/// `t_c` and `g_s`, in either case.
pub(crate) fn may_mention(a: u8, b: u8, c: u8) -> bool {
    let (a, c) = (a | 0x20, c | 0x20);
    (b == b'_') & (((a == b't') & (c == b'c')) | ((a == b'g') & (c == b's')))
}

/// `[ONLY] [schema.]pg_settings`.
fn is_settings(mut lexer: Lexer<'_>) -> bool {
    lexer.accept("only");
    lexer.accept_mark(b'(');
    let mut name = lexer.next();
    while lexer.accept_mark(b'.') {
        name = lexer.next();
    }
    name.is_some_and(|name| name.names("pg_settings"))
}

fn is_escaped(token: &Token<'_>) -> bool {
    token.shape == Shape::Text && token.text.starts_with(['e', 'E'])
}

/// Returns the text between the quotes.
pub(crate) fn content(text: &str) -> &str {
    match text.strip_prefix('$') {
        Some(tagged) => {
            let content = tagged.split_once('$').map_or("", |(_, content)| content);
            content.rsplit_once('$').map_or(content, |(head, _)| {
                head.rsplit_once('$').map_or(head, |(content, _)| content)
            })
        }
        None => text.trim_start_matches(['e', 'E']).trim_matches('\''),
    }
}
