//! The databases whose SQL can be read.

/// The database that a text is for. It decides where comments, quotes and statements end, and what a statement does.
///
/// ```
/// use demarcate_sql::{Dialect, Kind, statements};
///
/// // On PostgreSQL and SQLite `END` is `COMMIT`; MySQL knows no such statement.
/// let kind = |dialect| statements("END", dialect).next().map(|s| s.kind);
/// assert_eq!(kind(Dialect::Postgres), Some(Kind::Commit));
/// assert_eq!(kind(Dialect::Sqlite), Some(Kind::Commit));
/// assert_eq!(kind(Dialect::MySql), Some(Kind::Other));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL 14 to 18.
    Postgres,
    /// MySQL 8 and 9, and MariaDB.
    MySql,
    /// SQLite 3.
    Sqlite,
}
