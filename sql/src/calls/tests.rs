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
    for call in [
        "set_config('a', $1, is_local => true)",
        "set_config('a', $1, is_local := true)",
        "set_config(is_local => true, setting_name => 'a', new_value => f(1, 2))",
        "set_config('a', 'b', true::boolean)",
        "set_config('a', 'b', \"is_local\" => 't')",
    ] {
        assert_eq!(
            calls(&std::format!("select {call}"), Postgres),
            [],
            "{call}"
        );
    }
    for call in [
        "set_config('a', $1, is_local => false)",
        "set_config('a', new_value => 'true', is_local => $1)",
        "set_config(is_local => false, setting_name => 'a', new_value => 'true')",
        "set_config('a', 'b', true and $1)",
    ] {
        assert_eq!(
            calls(&std::format!("select {call}"), Postgres).len(),
            1,
            "{call}"
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

#[test]
fn what_dblink_runs_is_read() {
    for sql in [
        "select * from dblink('dbname=a', 'insert into b values (1) returning id') as t (id int)",
        "select * from dblink('insert into b values (1) returning id') as t (id int)",
        "select * from public.dblink($1, $q$ update b set c = 1 returning id $q$) as t (id int)",
        "select * from dblink('a', 'select 1; delete from b') as t (id int)",
        "select * from dblink('a', 'with d as (delete from b returning *) select * from d') as t (id int)",
        "select * from dblink('a', format('insert into b values (%L)', $1)) as t (id int)",
        "select * from dblink('a', 'insert into b values (' || $1 || ')') as t (id int)",
    ] {
        assert_eq!(calls(sql, Postgres).len(), 1, "{sql}");
    }
    for sql in [
        "select * from dblink('dbname=a', 'select 1') as t (a int)",
        "select * from dblink('dbname=a', 'select a from b for update') as t (a int)",
        "select * from dblink('update', 'select ''insert into b'' as c') as t (a int)",
        "select * from dblink('a', 'with d as (select 1) select * from d') as t (id int)",
        "select * from dblink('a', 'select 1') as t (a int) where b = 'insert into c'",
    ] {
        assert_eq!(calls(sql, Postgres), [], "{sql}");
    }
}

#[test]
fn what_a_query_of_mysql_leaves_is_found() {
    for (sql, expected) in [
        ("select @a := ?", ("@a", 7)),
        ("select b, @`a` := coalesce(?, 1) from c", ("@`a`", 10)),
        ("select a into outfile '/tmp/a' from b", ("into outfile", 9)),
        (
            "select a INTO DUMPFILE '/tmp/a' from b",
            ("INTO DUMPFILE", 9),
        ),
    ] {
        assert_eq!(calls(sql, MySql), [expected], "{sql}");
        assert!(!crate::is_plain(sql, MySql), "{sql}");
        assert_eq!(calls(sql, Sqlite), [], "{sql}");
    }
    for sql in [
        "select @a",
        "select @a = ?",
        "select @a := @a + 1, b from c where d = ?",
        "select @a := (1), ? from (select @a := 0) as b",
        "select count(*) into @a from b where c = ?",
        "select @@sql_mode",
        "call p(1, @a)",
        "select a from b where c = 'd@e.f' and g = ':='",
        "insert into outfile values (1)",
    ] {
        assert_eq!(calls(sql, MySql), [], "{sql}");
    }
}
