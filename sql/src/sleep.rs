//! Calls that only wait.

use crate::dialect::Dialect;
use crate::lexer::Lexer;
use crate::token::Shape;

/// Returns the name of the first function in a text that does nothing but wait: `pg_sleep`, `pg_sleep_for` and
/// `pg_sleep_until` (PostgreSQL 9.9.5), `sleep` (MySQL 8.4 manual 14.23).
///
/// ```
/// use demarcate_sql::{Dialect, sleeps};
///
/// assert_eq!(sleeps("select pg_sleep(5)", Dialect::Postgres), Some("pg_sleep"));
/// assert_eq!(sleeps("select 'pg_sleep(5)'", Dialect::Postgres), None);
/// assert_eq!(sleeps("do sleep(5)", Dialect::MySql), Some("sleep"));
/// assert_eq!(sleeps("insert into sleep (hours) values (8)", Dialect::MySql), None);
/// ```
#[must_use]
pub fn sleeps(sql: &str, dialect: Dialect) -> Option<&str> {
    const OF_POSTGRES: [&str; 3] = ["pg_sleep", "pg_sleep_for", "pg_sleep_until"];
    let mut lexer = Lexer::new(sql, dialect);
    while let Some(token) = lexer.next() {
        let names = |names: &[&str]| names.iter().any(|name| token.names(name));
        let waits = match dialect {
            Dialect::Postgres => names(&OF_POSTGRES),
            Dialect::MySql => names(&["sleep"]),
            Dialect::Sqlite => false,
        };
        let mut behind = lexer;
        let is_called = waits
            && behind.accept_mark(b'(')
            // A table may have that name.
            && (dialect != Dialect::MySql
                || behind
                    .peek()
                    .is_some_and(|next| next.shape == Shape::Number || next.is_mark(b'?')));
        if is_called {
            return token.identifier();
        }
    }
    None
}
