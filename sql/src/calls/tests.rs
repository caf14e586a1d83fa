//! Tests of the calls that leave something on the session.

use std::vec::Vec;

use super::session_calls;
use crate::Dialect::{self, MySql, Postgres, Sqlite};

fn calls(sql: &str, dialect: Dialect) -> Vec<(&str, usize)> {
    session_calls(sql, dialect)
        .map(|call| (call.name, call.offset))
        .collect()
}

#[test]
fn calls_are_found() {
    assert_eq!(
        calls("SELECT PG_ADVISORY_LOCK /* a */ (1)", Postgres),
        [("PG_ADVISORY_LOCK", 7)]
    );
    assert_eq!(
        calls("select pg_catalog.\"pg_advisory_lock\"(1)", Postgres),
        [("pg_advisory_lock", 19)]
    );
    assert_eq!(
        calls("do release_lock('a'); select `get_lock`('a', 1)", MySql),
        [("release_lock", 3), ("get_lock", 30)]
    );
    assert_eq!(
        calls("select load_extension('a')", Sqlite),
        [("load_extension", 7)]
    );
    assert_eq!(calls("select set_limit(0.5)", Postgres), [("set_limit", 7)]);
    assert_eq!(
        calls("select service_get_write_locks('a', 'b', 10)", MySql),
        [("service_get_write_locks", 7)]
    );
    assert_eq!(
        calls(
            "select pg_create_physical_replication_slot('a', false, true)",
            Postgres
        ),
        [("pg_create_physical_replication_slot", 7)]
    );
    assert_eq!(
        calls("select pg_create_physical_replication_slot('a')", Postgres),
        []
    );
}

#[test]
fn what_is_no_call() {
    for sql in [
        "select 'pg_advisory_lock(1)'",
        "select 1 -- pg_advisory_lock(1)",
        "select pg_advisory_lock from a",
        "select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(1)",
        "create function pg_advisory_lock() returns int return 1",
        "select get_lock('a', 1)",
        "do $$ begin perform pg_advisory_lock(1); end $$",
    ] {
        assert_eq!(calls(sql, Postgres), [], "{sql}");
    }
}

#[test]
fn set_config_is_judged_by_its_last_argument() {
    for local in ["true", "TRUE", "'t'", "'on'"] {
        assert_eq!(
            calls(
                &std::format!("select set_config('a', f(1, 2), {local})"),
                Postgres
            ),
            [],
            "{local}"
        );
    }
    for session in ["false", "$3", "not true", "f(1, true)", "'f'", ""] {
        assert_eq!(
            calls(
                &std::format!("select set_config('a', 'b', {session})"),
                Postgres
            )
            .len(),
            1,
            "{session}"
        );
    }
    assert_eq!(calls("select set_config('a'", Postgres).len(), 1);
}

#[test]
fn what_is_plain_calls_none_of_them() {
    for dialect in [Postgres, MySql, Sqlite] {
        let set_config = (dialect == Postgres).then_some("set_config");
        let functions = super::functions(dialect).iter().map(|(name, _)| *name);
        for name in functions.chain(set_config) {
            for name in [name.to_ascii_uppercase(), name.to_ascii_lowercase()] {
                let sql = std::format!("select {name}('a', 'b', false)");
                assert!(!crate::is_plain(&sql, dialect), "{dialect:?}: {sql}");
                assert_eq!(calls(&sql, dialect).len(), 1, "{dialect:?}: {sql}");
            }
        }
    }
}
