//! Reads a statement before it is sent.
//!
//! The third wall, for SQL that was put together at run time: what would end, nest or escape the
//! transaction never reaches the server.

use demarcate_sql::{Dialect, Effect};

/// The beginning of the statement that is refused, and why. `None` lets the text pass.
pub(crate) fn refuse(sql: &str, dialect: Dialect) -> Option<(String, &'static str)> {
    // The driver's thread would never come back from it.
    if dialect == Dialect::Sqlite && sql.contains('\0') {
        return Some((
            head(sql),
            "SQLite's text ends at a NUL; remove it, or bind it as a value",
        ));
    }
    let found = demarcate_sql::guard(sql, dialect)?;
    Some((head(found.text), reason(found.effect())))
}

/// Whether a statement runs code that its text does not show, and that may commit: CALL, and what is
/// prepared on the server. Only MySQL lets it, inside a transaction.
pub(crate) fn is_opaque(sql: &str, dialect: Dialect) -> bool {
    dialect == Dialect::MySql
        && demarcate_sql::find(sql, dialect, |effect| effect == Effect::Opaque).is_some()
}

fn reason(effect: Effect) -> &'static str {
    match effect {
        Effect::Begins => {
            "the transaction is already begun, by the boundary that lent the session; give a part of it a scope of \
             its own with `tx.savepoint(..)`"
        }
        Effect::Commits => {
            "only the boundary that lent the session commits, when its body returns `Ok`"
        }
        Effect::RollsBack => {
            "only the boundary that lent the session rolls back, when its body returns `Err`"
        }
        Effect::Nests => "savepoints are made, released and rolled back by `tx.savepoint(..)`",
        Effect::TwoPhase => {
            "a two-phase commit takes the transaction from the boundary that lent the session"
        }
        Effect::Characteristics => {
            "isolation and access mode are the boundary's: `isolation = ..` and `read_only` where it is opened"
        }
        Effect::Ambiguous => {
            "it can be read in more than one way, so that nobody can say whether it ends the transaction; leave out \
             version comments and what is unfinished in them"
        }
        Effect::ChangesReading => {
            "the text of later statements would be read in another way than it is checked; set it for the server, or \
             where the connection is made"
        }
        Effect::NeedsConnection => {
            "COPY FROM STDIN needs the connection itself, and as a statement it would wait for ever; use sqlx's \
             `copy_in_raw` on a connection of its own"
        }
        Effect::RollsBackOnConflict => {
            "on a conflict it would roll back the whole transaction unseen; write `or abort`, the default, or `or \
             ignore`"
        }
        _ => {
            "the database would commit the transaction for it; do it before the boundary, on a connection of its own"
        }
    }
}

/// The words that a statement begins with: enough to find it, and no value.
fn head(statement: &str) -> String {
    const LONGEST: usize = 40;

    let is_word = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ' ' | '\n' | '\t');
    let words = statement.split(|c| !is_word(c)).next().unwrap_or_default();
    let short: String = words.chars().take(LONGEST).collect();
    match short.split_whitespace().collect::<Vec<_>>().join(" ") {
        // It begins with a comment.
        empty if empty.is_empty() => "the statement".to_owned(),
        words => words,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_of_a_body_pass() {
        for sql in [
            "select * from orders where id = $1",
            "insert into notes (text) values ('please commit; rollback')",
            "-- commit\nupdate orders set state = 'begin'",
            "",
        ] {
            assert_eq!(refuse(sql, Dialect::Postgres), None, "{sql}");
        }
    }

    #[test]
    fn what_ends_or_nests_the_transaction_is_refused_by_its_first_words() {
        let refused = |sql| refuse(sql, Dialect::Sqlite).map(|(head, _)| head);
        assert_eq!(refused("select 1; COMMIT"), Some("COMMIT".to_owned()));
        assert_eq!(
            refused("rollback\n to savepoint a"),
            Some("rollback to savepoint a".to_owned())
        );
        assert_eq!(
            refused("insert or rollback into users values ('secret')"),
            Some("insert or rollback into users values".to_owned()),
            "a value is not shown"
        );
    }

    #[test]
    fn what_commits_implicitly_is_refused_where_it_does() {
        let sql = "create table t (id int)";
        assert!(refuse(sql, Dialect::MySql).is_some());
        assert!(refuse(sql, Dialect::Postgres).is_none());
    }

    #[test]
    fn what_a_session_cannot_carry_is_refused() {
        assert!(refuse("set transaction read write", Dialect::Postgres).is_some());
        assert!(refuse("copy items from stdin", Dialect::Postgres).is_some());
        assert!(refuse("set sql_mode = 'NO_BACKSLASH_ESCAPES'", Dialect::MySql).is_some());
        assert!(refuse("select 1 /*!50701 ' */; commit; -- '", Dialect::MySql).is_some());
        assert!(refuse("select 1;\0", Dialect::Sqlite).is_some());
    }

    #[test]
    fn what_runs_unseen_code_is_known() {
        assert!(is_opaque("call settle(1)", Dialect::MySql));
        assert!(!is_opaque("call settle(1)", Dialect::Postgres));
        assert!(!is_opaque("select settle(1)", Dialect::MySql));
    }
}
