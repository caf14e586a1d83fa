//! Tests of what a session must not send.

use std::println;
use std::vec::Vec;

use super::*;

/// Every reason on every database: none names a thing that the database lacks. `--nocapture` prints them.
#[test]
fn no_reason_names_what_the_database_lacks() {
    // As words, so that `set local` is not found in "set locally".
    const LACKS: [(Dialect, &[&str]); 3] = [
        (
            Dialect::Postgres,
            &[
                "PRAGMA",
                "SET STATEMENT",
                "SET_VAR",
                "GET_LOCK",
                "HANDLER",
                "MySQL",
                "MariaDB",
                "SQLite",
                "or abort",
                "or ignore",
                "version comment",
            ],
        ),
        (
            Dialect::MySql,
            &[
                "SET LOCAL",
                "pg_",
                "PgListener",
                "ON COMMIT",
                "WITH HOLD",
                "COPY",
                "copy_",
                "PRAGMA",
                "pooler",
                "PostgreSQL",
                "SQLite",
                "or abort",
            ],
        ),
        (
            Dialect::Sqlite,
            &[
                "SET LOCAL",
                "pg_",
                "PgListener",
                "ON COMMIT",
                "WITH HOLD",
                "COPY",
                "copy_",
                "SET STATEMENT",
                "SET_VAR",
                "FOR UPDATE",
                "isolation",
                "pooler",
                "version comment",
                "PostgreSQL",
                "MySQL",
                "MariaDB",
            ],
        ),
    ];
    for (dialect, lacks) in LACKS {
        for breach in Breach::ALL {
            // Only SQLite has it.
            if breach == Breach::Nul && dialect != Dialect::Sqlite {
                continue;
            }
            let reason = breach.reason(dialect);
            println!("{dialect:?} | {breach:?} | {reason}");
            for word in lacks {
                let named = reason.replace("SQLite's text", "").contains(word);
                assert!(!named, "{dialect:?}, {breach:?}: {reason:?} names {word:?}");
            }
        }
    }
}

#[test]
fn all_of_a_text_is_told_in_its_order() {
    let found = |sql, dialect| {
        refusals(sql, dialect)
            .map(|found| (found.breach, found.text))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        found(
            "listen a; select setseed(1); commit; do $$ begin set role a; listen b; end $$",
            Dialect::Postgres
        ),
        [
            (Breach::Leaves(Leak::Listener), "listen a"),
            (Breach::Guarded(Effect::Commits), "commit"),
            (
                Breach::Leaves(Leak::Setting),
                "do $$ begin set role a; listen b; end $$"
            ),
            (
                Breach::Leaves(Leak::Listener),
                "do $$ begin set role a; listen b; end $$"
            ),
            (Breach::Leaves(Leak::Setting), "setseed"),
        ]
    );
    assert_eq!(found("select 1;\0", Dialect::Sqlite)[0].0, Breach::Nul);
    assert_eq!(found("select 1;\0", Dialect::Postgres), []);
}

#[test]
fn what_is_guarded_has_its_place_in_the_list() {
    for breach in Breach::ALL {
        if let Breach::Guarded(effect) = breach {
            assert!(effect.is_guarded(), "{effect:?}");
        }
    }
    for leak in Leak::ALL {
        assert!(Breach::ALL.contains(&Breach::Leaves(leak)));
    }
}

#[test]
fn what_another_server_does_is_found() {
    for (sql, expected) in [
        ("select dblink_exec('a', 'delete from t')", true),
        ("select dblink_connect('a', 'dbname=b')", true),
        ("select dblink_send_query('a', 'delete from t')", true),
        (
            "do $$ begin perform dblink_exec('a', 'delete from t'); end $$",
            true,
        ),
        (
            "select * from dblink('dbname=a', 'select 1') as t (a int)",
            false,
        ),
        ("select 'dblink_exec(1)'", false),
    ] {
        let is_foreign = |found: Refusal<'_>| found.breach == Breach::Leaves(Leak::Foreign);
        assert_eq!(
            refusals(sql, Dialect::Postgres).any(is_foreign),
            expected,
            "{sql}"
        );
    }
}
