//! The kind of SQLite's `PRAGMA`.

use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::token::Token;

/// Reads on after `PRAGMA`: `[schema.]name [= value | (value)]`. SQLite, "PRAGMA Statements".
pub(super) fn read(lexer: &mut Lexer<'_>) -> Kind {
    let Some(mut name) = lexer.next_inside() else {
        return Kind::Other;
    };
    if lexer.accept_mark(b'.')
        && let Some(inner) = lexer.next_inside()
    {
        name = inner;
    }
    let has_value = lexer.accept_mark(b'=') || lexer.accept_mark(b'(');
    if has_value && !stays_inside(&name) {
        Kind::SetPragma
    } else {
        Kind::Pragma
    }
}

/// Whether the value is an argument, is written into the database file, or ends with the transaction.
fn stays_inside(name: &Token<'_>) -> bool {
    const READ: [&str; 10] = [
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    ];
    const KEPT_IN_THE_FILE: [&str; 5] = [
        "application_id",
        "incremental_vacuum",
        "optimize",
        "user_version",
        "wal_checkpoint",
    ];
    // "automatically switched off at each COMMIT or ROLLBACK".
    const UNTIL_COMMIT: [&str; 1] = ["defer_foreign_keys"];
    [READ.as_slice(), &KEPT_IN_THE_FILE, &UNTIL_COMMIT]
        .into_iter()
        .flatten()
        .any(|known| name.names(known))
}
