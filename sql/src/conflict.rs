//! What rolls the whole transaction back on a conflict, in a table or a trigger of SQLite.

use crate::dialect::Dialect;
use crate::lexer::Lexer;
use crate::scan::any_three;
use crate::token::Token;

/// Whether a statement that creates or alters something says so: `UNIQUE ON CONFLICT ROLLBACK` (SQLite, "The ON CONFLICT
/// Clause"), and in a trigger `RAISE(ROLLBACK, ..)` ("CREATE TRIGGER") and `INSERT OR ROLLBACK`.
pub(crate) fn rolls_back(sql: &str) -> bool {
    if !mentions(sql.as_bytes()) {
        return false;
    }
    let mut before: [Option<Token<'_>>; 2] = [None, None];
    for token in Lexer::new(sql, Dialect::Sqlite) {
        if token.is("rollback")
            && let [Some(first), Some(second)] = before
            && ((first.is("on") && second.is("conflict"))
                || (first.is("raise") && second.is_mark(b'('))
                || (first.is_any(&["insert", "update"]) && second.is("or")))
        {
            return true;
        }
        let [_, second] = before;
        before = [second, Some(token)];
    }
    false
}

/// Whether `rollback` is in it, as a word or otherwise.
pub(crate) fn mentions(sql: &[u8]) -> bool {
    const WORD: &[u8] = b"rollback";
    any_three(sql, may_mention)
        && sql
            .windows(WORD.len())
            .any(|window| window.eq_ignore_ascii_case(WORD))
}

/// `llb`, in either case.
pub(crate) fn may_mention(a: u8, b: u8, c: u8) -> bool {
    ((a | 0x20) == b'l') & ((b | 0x20) == b'l') & ((c | 0x20) == b'b')
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, Kind, find_kind, statements};

    #[test]
    fn what_rolls_back_on_a_conflict_is_found() {
        for (sql, expected) in [
            ("create table a (b text unique on conflict rollback)", true),
            (
                "create table a (b text not null ON /* c */ CONFLICT Rollback)",
                true,
            ),
            (
                "create temp table a (b int primary key on conflict rollback)",
                true,
            ),
            (
                "alter table a add column b int not null on conflict rollback default 1",
                true,
            ),
            (
                "create trigger t before update on a begin select raise(rollback, 'b'); end",
                true,
            ),
            (
                "create trigger t before update on a begin insert or rollback into b values (1); end",
                true,
            ),
            ("create table a (b text unique on conflict abort)", false),
            (
                "create table a (b text unique on conflict ignore, rollback int)",
                false,
            ),
            (
                "create table a (b text default 'on conflict rollback')",
                false,
            ),
            (
                "create trigger t before update on a begin select raise(abort, 'rollback'); end",
                false,
            ),
            (
                "create view v as select 1 as a, rollback from b where c or rollback",
                false,
            ),
        ] {
            let found = |kind| kind == Kind::RollbackOnConflict;
            assert_eq!(
                find_kind(sql, Dialect::Sqlite, found).is_some(),
                expected,
                "{sql}"
            );
            let mut all = statements(sql, Dialect::Sqlite);
            assert!(all.all(|statement| statement.changes_schema()), "{sql}");
            assert!(find_kind(sql, Dialect::Postgres, found).is_none(), "{sql}");
        }
    }
}
