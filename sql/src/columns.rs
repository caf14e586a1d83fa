//! Finds statements whose columns the text does not tell.

use crate::dialect::Dialect;
use crate::lexer::Lexer;

/// Whether the columns of the answer depend on something of the server's session that the text only names: `FETCH`
/// reads from a cursor and `EXECUTE` runs a prepared statement (PostgreSQL).
///
/// A driver that keeps the columns of an answer by the statement's text would decode the rows of another cursor of the
/// same name by them.
///
/// ```
/// use demarcate_sql::{Dialect, columns_vary};
///
/// assert!(columns_vary("/* next */ FETCH 10 FROM found", Dialect::Postgres));
/// assert!(!columns_vary("select 10 from fetch", Dialect::Postgres));
/// ```
#[must_use]
pub fn columns_vary(sql: &str, dialect: Dialect) -> bool {
    if dialect != Dialect::Postgres {
        return false;
    }
    let first = Lexer::new(sql, dialect).peek();
    first.is_some_and(|word| word.is_any(&["fetch", "execute"]))
}
