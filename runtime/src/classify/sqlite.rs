//! Maps the result codes of SQLite: <https://www.sqlite.org/rescode.html>.

use super::category::Advice;
use super::category::words::*;

/// SQLITE_READONLY_DBMOVED: the file was replaced under the connection.
pub(crate) const FILE_WAS_REPLACED: i32 = 8 | (4 << 8);

/// Returns the verdict by the extended code where it is more exact than its primary code, which is its last byte.
pub(crate) fn of(code: i32) -> Option<Advice> {
    let extended = |primary: i32, number: i32| primary | (number << 8);
    Some(match code {
        // SQLITE_CONSTRAINT_..: CHECK, FOREIGNKEY, NOTNULL, PRIMARYKEY, UNIQUE, ROWID, DATATYPE
        c if c == extended(19, 1) => CHECK,
        c if c == extended(19, 3) => FOREIGN_KEY,
        c if c == extended(19, 5) => NOT_NULL,
        c if c == extended(19, 6) || c == extended(19, 8) || c == extended(19, 10) => UNIQUE,
        c if c == extended(19, 12) => DATA,
        // SQLITE_BUSY_SNAPSHOT: the data read has changed since, and waiting does not help.
        c if c == extended(5, 2) => SERIALIZATION,
        // SQLITE_ERROR_RETRY, SQLITE_ERROR_SNAPSHOT
        c if c == extended(1, 2) => STALE,
        c if c == extended(1, 3) => SERIALIZATION,
        // SQLITE_IOERR_NOMEM, SQLITE_IOERR_BLOCKED
        c if c == extended(10, 12) => RESOURCES,
        c if c == extended(10, 11) => LOCK_TIMEOUT,
        FILE_WAS_REPLACED => CONNECTION,
        // SQLITE_ABORT_ROLLBACK
        c if c == extended(4, 2) => ROLLED_BACK,
        c => return primary(c & 0xff),
    })
}

/// Returns the verdict by the primary code.
fn primary(code: i32) -> Option<Advice> {
    Some(match code {
        // OK, NOTICE, WARNING, ROW, DONE: never the code of an error.
        0 | 27 | 28 | 100 | 101 => UNKNOWN,
        // ERROR, NOTFOUND, MISUSE, NOLFS, RANGE
        1 | 12 | 21 | 22 | 25 => QUERY,
        // INTERNAL, EMPTY, FORMAT
        2 | 16 | 24 => UNKNOWN,
        // PERM, AUTH
        3 | 23 => PERMISSION,
        // ABORT
        4 => ABORTED,
        // BUSY, LOCKED, PROTOCOL
        5 | 6 | 15 => LOCK_TIMEOUT,
        // NOMEM, IOERR, CORRUPT, FULL, NOTADB
        7 | 10 | 11 | 13 | 26 => RESOURCES,
        // READONLY
        8 => STATE,
        // INTERRUPT
        9 => CANCELED,
        // CANTOPEN
        14 => NO_SUCH_SERVER,
        // SCHEMA
        17 => STALE,
        // TOOBIG, MISMATCH
        18 | 20 => DATA,
        // CONSTRAINT
        19 => CONSTRAINT,
        _ => return None,
    })
}

/// Extracts schema names from a message. SQLite's messages are in English.
#[cfg(feature = "sqlite")]
pub(crate) fn names(code: i32, message: &str) -> super::Names<'_> {
    let mut names = super::Names::default();
    if code & 0xff != 19 {
        return names;
    }
    // UNIQUE constraint failed: orders.sku, orders.shop; CHECK constraint failed: name
    let Some((kind, rest)) = message.split_once(" constraint failed: ") else {
        return names;
    };
    match kind {
        // A unique index on an expression has a name.
        "UNIQUE" | "NOT NULL" if !rest.starts_with("index '") => {
            let first = rest.split(", ").next().unwrap_or(rest);
            if let Some((table, column)) = first.split_once('.') {
                names.table = Some(table);
                // A constraint over several columns names no single one.
                names.column = (first.len() == rest.len()).then_some(column);
                names.columns = Some(rest);
            }
        }
        "UNIQUE" => names.constraint = rest.split('\'').nth(1),
        "CHECK" => names.constraint = Some(rest),
        _ => {}
    }
    names
}
