//! A text without the values in it.

use core::fmt;

use crate::dialect::Dialect;
use crate::lexer::Lexer;
use crate::token::{Shape, Token};

/// A text without the values that are written in it: for logs.
///
/// Each string and number is shown as `?`, comments are left out, and blanks become one space. On SQLite a name in
/// double quotes is shown as `?` as well, since SQLite reads it as a string if no column has that name. A text stops at
/// `…` if servers disagree on the rest.
///
/// ```
/// use demarcate_sql::{Dialect, masked};
///
/// let sql = "select *\nfrom orders -- of bob\nwhere name = 'bob' and id > 42 and sku = $1";
/// assert_eq!(
///     masked(sql, Dialect::Postgres).to_string(),
///     "select * from orders where name = ? and id > ? and sku = $1",
/// );
/// ```
#[must_use]
pub const fn masked(sql: &str, dialect: Dialect) -> Masked<'_> {
    Masked { sql, dialect }
}

/// The result of [`masked`], written by its `Display`.
///
/// ```
/// use demarcate_sql::{Dialect, masked};
///
/// let text = masked("create role app password 'hunter2'", Dialect::Postgres);
/// assert_eq!(format!("{text}"), "create role app password ?");
/// ```
#[derive(Clone, Copy)]
pub struct Masked<'a> {
    sql: &'a str,
    dialect: Dialect,
}

impl fmt::Display for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lexer = Lexer::new(self.sql, self.dialect);
        let mut last: Option<Token<'_>> = None;
        while let Some(token) = lexer.next() {
            if lexer.is_ambiguous() {
                return f.write_str("…");
            }
            if last.is_some_and(|last| last.end() < token.start) {
                f.write_str(" ")?;
            }
            let is_parameter = self.dialect == Dialect::Sqlite
                && last.is_some_and(|last| last.is_mark(b'?') && last.end() == token.start);
            last = Some(token);
            match token.shape {
                // `?1`
                Shape::Number if is_parameter => f.write_str(token.text)?,
                Shape::Number => {
                    last = Some(rest_of_number(&mut lexer).unwrap_or(token));
                    f.write_str("?")?;
                }
                Shape::Text => f.write_str("?")?,
                Shape::Name if self.dialect == Dialect::Sqlite && token.text.starts_with('"') => {
                    f.write_str("?")?;
                }
                _ => f.write_str(token.text)?,
            }
        }
        Ok(())
    }
}

/// Reads past what belongs to a number that begins with the digits just read: `1.5e-3`, `0x1F`, `1_000`.
fn rest_of_number<'a>(lexer: &mut Lexer<'a>) -> Option<Token<'a>> {
    let mut last = None;
    let mut ahead = *lexer;
    while let Some(next) = ahead.next() {
        let goes_on = matches!(next.shape, Shape::Word | Shape::Number) || next.is_mark(b'.');
        if next.start != lexer.offset() || !goes_on {
            break;
        }
        *lexer = ahead;
        last = Some(next);
    }
    last
}

impl fmt::Debug for Masked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::string::ToString;

    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, sql: &str, expected: &str) {
        assert_eq!(masked(sql, dialect).to_string(), expected);
    }

    #[test]
    fn no_value_is_shown() {
        use Dialect::{MySql, Postgres, Sqlite};
        for dialect in [Postgres, MySql, Sqlite] {
            check(
                dialect,
                "insert into t1 values ('it''s', 1.5e-3, .25, 0x1F, -7)",
                "insert into t1 values (?, ?-?, .?, ?, -?)",
            );
            check(dialect, "select 'unterminated", "select ?");
            check(dialect, "select 1 -- of bob\n, 2 /* 'x' */", "select ? , ?");
        }
        check(
            Postgres,
            r"select E'it\'s', $$a 'b'$$, $x$c$x$, X'ff', 1_000",
            "select ?, ?, ?, X?, ?",
        );
        check(
            Postgres,
            "select a->>'k', b[3] from \"t 1\" where c = $12",
            "select a->>?, b[?] from \"t 1\" where c = $12",
        );
        check(
            MySql,
            r#"select "it\"s" from `t` where a = ?"#,
            "select ? from `t` where a = ?",
        );
        check(
            Sqlite,
            r#"select * from [t] where a = "bob" and b = ?12 and c = :name"#,
            "select * from [t] where a = ? and b = ?12 and c = :name",
        );
    }

    #[test]
    fn what_servers_read_differently_is_not_shown() {
        check(
            Dialect::MySql,
            "select a, /*!50701 ' */ 'secret' -- '",
            "select a,…",
        );
    }
}
