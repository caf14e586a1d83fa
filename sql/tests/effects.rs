//! What each database does on a statement, from the text to the effect.

use demarcate_sql::Dialect::{self, MySql, Postgres, Sqlite};
use demarcate_sql::{Effect, statements};

#[track_caller]
fn check(effect: Effect, cases: &[(Dialect, &[&str])]) {
    for (dialect, texts) in cases {
        for text in *texts {
            let found = statements(text, *dialect)
                .next()
                .map(|statement| statement.effect());
            assert_eq!(found, Some(effect), "{dialect:?}: {text}");
        }
    }
}

#[test]
fn nothing() {
    check(
        Effect::None,
        &[
            (
                Postgres,
                &[
                    "select 1",
                    "create table a (b int)",
                    "truncate a",
                    "set local a = 1",
                    "set constraints all deferred",
                ],
            ),
            (
                Postgres,
                &[
                    "notify a",
                    "call a()",
                    "do $$ begin commit; end $$",
                    "lock table a",
                    "execute a",
                    "copy a from 'b'",
                ],
            ),
            (
                Postgres,
                &[
                    "create temp table a (b int) on commit drop",
                    "declare a cursor for select 1",
                    "analyze a",
                ],
            ),
            (
                MySql,
                &[
                    "select 1",
                    "replace into a values (1)",
                    "do sleep(1)",
                    "xa recover",
                    "load data infile 'a' into table b",
                ],
            ),
            (
                Sqlite,
                &[
                    "create table a (b)",
                    "pragma table_info(a)",
                    "analyze",
                    "explain commit",
                    "reindex",
                ],
            ),
        ],
    );
}

#[test]
fn control() {
    check(
        Effect::Begins,
        &[
            (Postgres, &["begin"]),
            (MySql, &["start transaction"]),
            (Sqlite, &["begin immediate"]),
        ],
    );
    check(
        Effect::Commits,
        &[
            (Postgres, &["end"]),
            (MySql, &["commit and chain"]),
            (Sqlite, &["end transaction"]),
        ],
    );
    check(
        Effect::RollsBack,
        &[
            (Postgres, &["abort"]),
            (MySql, &["rollback work"]),
            (Sqlite, &["rollback"]),
        ],
    );
    check(
        Effect::Nests,
        &[
            (Postgres, &["savepoint a"]),
            (MySql, &["rollback to a"]),
            (Sqlite, &["release a"]),
        ],
    );
    check(
        Effect::RollsBackOnConflict,
        &[(Sqlite, &["insert or rollback into a values (1)"])],
    );
    check(
        Effect::TwoPhase,
        &[
            (
                Postgres,
                &[
                    "prepare transaction 'a'",
                    "commit prepared 'a'",
                    "rollback prepared 'a'",
                ],
            ),
            (MySql, &["xa end 'a'"]),
        ],
    );
    check(
        Effect::Characteristics,
        &[
            (Postgres, &["set transaction read only"]),
            (MySql, &["set transaction read only"]),
        ],
    );
}

/// From the manuals' lists; the sequence, `RESET QUERY CACHE` and `BACKUP STAGE` were seen to commit on MariaDB 10.11.
#[test]
fn implicit_commits() {
    check(
        Effect::ImplicitCommit,
        &[(
            MySql,
            &[
                "create table a (b int)",
                "create temporary sequence a",
                "drop table if exists a",
                "alter table a add b int",
                "truncate table a",
                "rename table a to b",
                "grant select on a to b",
                "set password = 'a'",
                "set default role none",
                "create procedure p() begin end",
                "lock tables a read",
                "unlock tables",
                "set local autocommit = 1",
                "flush status",
                "analyze table a",
                "reset query cache",
                "backup stage start",
                "begin not atomic commit; end",
            ],
        )],
    );
}

#[test]
fn the_session_and_the_server() {
    check(
        Effect::SessionState,
        &[
            (
                Postgres,
                &[
                    "set a = 1",
                    "set session a = 1",
                    "reset all",
                    "discard plans",
                    "listen a",
                    "unlisten a",
                ],
            ),
            (
                Postgres,
                &[
                    "prepare a as select 1",
                    "deallocate a",
                    "declare a cursor with hold for select 1",
                    "load 'a'",
                ],
            ),
            (
                Postgres,
                &[
                    "create temp table a (b int)",
                    "set session characteristics as transaction read only",
                ],
            ),
            (
                MySql,
                &[
                    "set a = 1",
                    "set local a = 1",
                    "set @a = 1",
                    "use a",
                    "create temporary table a (b int)",
                ],
            ),
            (MySql, &["prepare a from 'select 1'", "set names utf8mb4"]),
            (
                Sqlite,
                &[
                    "attach 'a' as b",
                    "detach b",
                    "pragma foreign_keys = off",
                    "create temp table a (b)",
                ],
            ),
        ],
    );
    check(
        Effect::ServerState,
        &[(MySql, &["set global a = 1", "set @@persist.a = 1"])],
    );
}

#[test]
fn outside_and_opaque() {
    check(
        Effect::OutsideOnly,
        &[
            (
                Postgres,
                &[
                    "vacuum",
                    "create database a",
                    "create index concurrently a on b (c)",
                ],
            ),
            (Sqlite, &["vacuum"]),
        ],
    );
    check(
        Effect::Opaque,
        &[(
            MySql,
            &[
                "call a()",
                "execute immediate @a",
                "begin not atomic select 1; end",
            ],
        )],
    );
}

#[test]
fn what_a_session_must_not_send() {
    check(
        Effect::ChangesReading,
        &[
            (
                MySql,
                &[
                    "set sql_mode = ''",
                    "set statement sql_mode = '' for select 1",
                ],
            ),
            (
                Postgres,
                &[
                    "set local standard_conforming_strings = off",
                    "select set_config('backslash_quote', 'on', true)",
                ],
            ),
        ],
    );
    check(
        Effect::NeedsConnection,
        &[(Postgres, &["copy a from stdin", "copy a to stdout"])],
    );
    check(Effect::Ambiguous, &[(MySql, &["select 1 /*! ' */"])]);
    check(
        Effect::ImplicitCommit,
        &[(MySql, &["execute immediate 'drop table a'"])],
    );
    check(
        Effect::Commits,
        &[(
            MySql,
            &["prepare a from 'commit'", "execute immediate 'commit'"],
        )],
    );
}
