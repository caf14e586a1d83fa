//! Tests of the statement guard, alone and against the compile-time rules.

use super::*;

/// Returns the rule that refuses a text, and the first words in its error.
fn refused(sql: &str, dialect: Dialect) -> Option<(&'static str, String)> {
    read(sql, dialect, &Allowed::default())
        .err()
        .map(|refusal| (refusal.rule, refusal.statement))
}

#[test]
fn statements_of_a_body_pass() {
    for sql in [
        "select * from orders where id = $1",
        "select * from orders where id = $1 for update skip locked",
        "select pg_advisory_xact_lock(1), set_config('app.user', $1, true)",
        "insert into notes (text) values ('please commit; rollback')",
        "-- commit\nupdate orders set state = 'begin', b_lock = 1",
        "set local statement_timeout = '1s'",
        "create temporary table t (id int) on commit drop",
        "",
    ] {
        assert_eq!(refused(sql, Dialect::Postgres), None, "{sql}");
    }
    assert_eq!(refused("set @total = 0", Dialect::MySql), None);
    assert!(refused("set @user = ?", Dialect::MySql).is_some());
    assert_eq!(
        refused(
            "select set_config('app.user', $1, is_local => true)",
            Dialect::Postgres
        ),
        None
    );
    assert_eq!(
        refused("pragma defer_foreign_keys = on", Dialect::Sqlite),
        None
    );
}

#[test]
fn what_ends_or_nests_the_transaction_is_refused_by_its_first_words() {
    let refused = |sql| refused(sql, Dialect::Sqlite).map(|(_, head)| head);
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
    assert!(refused(sql, Dialect::MySql).is_some());
    assert!(refused(sql, Dialect::Postgres).is_none());
}

#[test]
fn what_outlives_the_transaction_is_refused_by_its_rule() {
    for (sql, rule) in [
        ("set search_path = a", "D040"),
        ("copy a to program 'cat'", "D040"),
        (
            "select * from dblink('a', 'delete from b returning c') as t (c int)",
            "D040",
        ),
        ("reset all", "D040"),
        ("select set_config('app.user', 'a', false)", "D040"),
        ("listen orders", "D041"),
        ("prepare a as select 1", "D042"),
        ("select pg_advisory_lock(1)", "D043"),
        ("select PG_TRY_ADVISORY_LOCK(1)", "D043"),
        ("select setseed(0.5)", "D040"),
        ("select dblink_connect('a', 'dbname=b')", "D040"),
        ("create temp table t (id int)", "D044"),
        ("select * into temp t from orders", "D044"),
        ("create table pg_temp.t (id int)", "D044"),
        ("select set_config('app.user', $1, $2)", "D040"),
        (
            "update pg_settings set setting = '1' where name = 'work_mem'",
            "D040",
        ),
        ("declare c cursor with hold for select 1", "D045"),
        ("create function pg_temp.f() returns int return 1", "D044"),
        ("do $$ begin set search_path = a; end $$", "D040"),
        ("do $$ begin perform pg_advisory_lock(1); end $$", "D043"),
        ("do $$ begin execute 'listen orders'; end $$", "D041"),
        ("copy items to stdout", "D024"),
    ] {
        assert_eq!(
            refused(sql, Dialect::Postgres).map(|(rule, _)| rule),
            Some(rule),
            "{sql}"
        );
    }
    for (sql, rule) in [
        ("handler t open", "D045"),
        ("/*! handler t open */", "D045"),
        (
            "set statement max_statement_time = 1 for handler t open",
            "D045",
        ),
        ("execute immediate 'handler t open'", "D045"),
        ("begin not atomic handler t open; end", "D045"),
        (
            "begin not atomic create temporary table t (id int); end",
            "D044",
        ),
        ("execute immediate 'set time_zone = a'", "D040"),
        ("execute immediate \"do get_lock('a', 1)\"", "D043"),
        ("select service_get_write_locks('a', 'b', 1)", "D043"),
    ] {
        assert_eq!(
            refused(sql, Dialect::MySql).map(|(rule, _)| rule),
            Some(rule),
            "{sql}"
        );
    }
    assert_eq!(
        refused(
            "create trigger temp.t after insert on a begin delete from b; end",
            Dialect::Sqlite
        )
        .map(|(rule, _)| rule),
        Some("D044")
    );
    assert_eq!(
        refused("attach 'a.db' as a", Dialect::Sqlite).map(|(rule, _)| rule),
        Some("D040")
    );
    assert_eq!(
        refused("pragma query_only = 0", Dialect::Sqlite).map(|(rule, _)| rule),
        Some("D040")
    );
    assert_eq!(
        refused("do get_lock('a', 1)", Dialect::MySql).map(|(rule, _)| rule),
        Some("D043")
    );
}

#[test]
fn leave_lifts_one_rule() {
    let mut allowed = Allowed::default();
    allowed.insert("D044");
    let sql = "create temp table t (id int)";
    let passed = read(sql, Dialect::Postgres, &allowed).unwrap();
    assert!(passed.leaves_state);
    assert!(
        read(
            "create temp table t (id int); listen a",
            Dialect::Postgres,
            &allowed
        )
        .is_err()
    );
    assert!(
        read(
            "create temp table t (id int); commit",
            Dialect::Postgres,
            &allowed
        )
        .is_err()
    );
}

/// A block is refused for each of its statements: to lift the rule of one is not to lift the other's.
#[test]
fn each_rule_of_a_block_has_to_be_lifted() {
    let mut allowed = Allowed::default();
    allowed.insert("D041");
    let block = "do $$ begin listen a; set role b; end $$";
    let refusal = read(block, Dialect::Postgres, &allowed).unwrap_err();
    assert_eq!(refusal.rule, "D040");
    allowed.insert("D040");
    let passed = read(block, Dialect::Postgres, &allowed).unwrap();
    assert!(passed.leaves_state && passed.changes_schema);
}

#[test]
fn what_a_session_cannot_carry_is_refused() {
    let rule = |sql, dialect| refused(sql, dialect).map(|(rule, _)| rule);
    assert_eq!(
        rule("set transaction read write", Dialect::Postgres),
        Some("D013")
    );
    assert_eq!(
        rule("copy items from stdin", Dialect::Postgres),
        Some("D024")
    );
    assert_eq!(
        rule("set sql_mode = 'NO_BACKSLASH_ESCAPES'", Dialect::MySql),
        Some("D040")
    );
    assert_eq!(
        rule("select 1 /*!50701 ' */; commit; -- '", Dialect::MySql),
        Some("D013")
    );
    assert_eq!(rule("select 1;\0", Dialect::Sqlite), Some("D013"));
}

#[test]
fn what_runs_unseen_code_is_known() {
    let is_opaque = |sql, dialect| read(sql, dialect, &Allowed::default()).unwrap().is_opaque;
    assert!(is_opaque("call settle(1)", Dialect::MySql));
    assert!(!is_opaque("call settle(1)", Dialect::Postgres));
    assert!(!is_opaque("select settle(1)", Dialect::MySql));
    assert!(
        read(
            "call settle(1); commit",
            Dialect::MySql,
            &Allowed::default()
        )
        .is_err()
    );
}

#[test]
fn what_changes_the_schema_is_known() {
    let changes = |sql, dialect| {
        let mut allowed = Allowed::default();
        allowed.insert(SESSION_SETTING);
        allowed.insert(TEMPORARY_TABLE);
        read(sql, dialect, &allowed).unwrap().changes_schema
    };
    for (dialect, sql, expected) in [
        (Dialect::Postgres, "select 1", false),
        (
            Dialect::Postgres,
            "with a as (select 1) select * from a",
            false,
        ),
        (Dialect::Postgres, "select 1; alter table t add a int", true),
        (Dialect::Postgres, "do $$ begin end $$", true),
        (Dialect::Postgres, "call grow()", true),
        (Dialect::Postgres, "truncate t", false),
        (Dialect::MySql, "call grow()", true),
        (Dialect::MySql, "execute immediate @a", true),
        (Dialect::MySql, "create temporary table t (a int)", true),
        (Dialect::Sqlite, "drop table t", true),
        (Dialect::Sqlite, "analyze", true),
        (Dialect::Sqlite, "pragma optimize", true),
        (Dialect::Sqlite, "pragma writable_schema = on", true),
        (Dialect::Sqlite, "update sqlite_schema set sql = ?", true),
        (
            Dialect::Sqlite,
            "with a as (select 1) delete from sqlite_master",
            true,
        ),
        (Dialect::Sqlite, "select sql from sqlite_schema", false),
    ] {
        assert_eq!(changes(sql, dialect), expected, "{dialect:?}: {sql}");
    }
}

#[test]
fn a_text_of_one_statement_is_known() {
    let is_single = |sql, dialect| read(sql, dialect, &Allowed::default()).unwrap().is_single;
    for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
        for (sql, expected) in [
            ("select 1", true),
            ("select 1;\n", true),
            ("select ';'; -- the end", true),
            ("/* a */ with a as (select 1) select * from a", true),
            ("select 1; select 2", false),
            ("insert into t values (1); update t set a = 2;", false),
            ("", false),
            ("-- nothing", false),
        ] {
            assert_eq!(is_single(sql, dialect), expected, "{dialect:?}: {sql}");
        }
    }
}

/// Texts that a session of the database must not send, and texts that only look as if it must not.
const TEXTS: [(Dialect, &[&str]); 3] = [
    (
        Dialect::Postgres,
        &[
            "begin",
            "begin isolation level serializable",
            "start transaction",
            "commit",
            "commit and chain",
            "END",
            "end transaction",
            "abort",
            "rollback",
            "rollback work",
            "rollback to savepoint a",
            "savepoint a",
            "release a",
            "release savepoint a",
            "commit prepared 'a'",
            "rollback prepared 'a'",
            "select 1; commit",
            "/* a */ commit",
            "/* /* a */ commit; */ select 1",
            "-- a\ncommit",
            "select 1 # 2; commit",
            "set transaction read only",
            "set transaction isolation level serializable",
            "set transaction_isolation = 'serializable'",
            "set local transaction_read_only = on",
            "select set_config('transaction_read_only', 'on', true)",
            "copy a from stdin",
            "copy a (b, c) from stdin with (format csv)",
            "copy a to stdout",
            "copy (select 1) to stdout",
            "copy a from '/tmp/a'",
            "copy a to program 'gzip'",
            "lock tables a",
            "lock table a in exclusive mode",
            "truncate a",
            "alter table a add b int",
            "create index i on a (b)",
            "create index concurrently i on a (b)",
            "create database a",
            "vacuum a",
            "analyze a",
            "reindex table a",
            "grant select on a to b",
            "comment on table a is 'commit'",
            "import foreign schema a from server b into c",
            "refresh materialized view a",
            "call settle(1)",
            "select $$ ; commit; $$",
            "select $a$ begin; $$ commit; $a$",
            "select 'a\\'; commit; --'",
            "select e'a\\'; commit; --'",
            "select \"a;commit\" from b",
            "select `a; commit` from b",
            "select [a; commit] from b",
            "/*! commit */ select 1",
            "/*!50000 lock tables a read */",
            "explain analyze create temp table t as select 1",
            "explain create temp table t as select 1",
            "with a as (select set_config('a.b', 'c', false)) select 1",
            "insert into a select pg_advisory_lock(1)",
            "create table a as select pg_advisory_lock(1)",
            "copy (select pg_advisory_lock(1)) to '/tmp/a'",
            "select get_lock('a', 1)",
            "select release_lock('a')",
            "select load_extension('a')",
            "select dblink_exec('a', 'delete from b')",
            "select dblink_exec('delete from b')",
            "select dblink_send_query('a', 'delete from b')",
            "select 'dblink_exec(1)'",
            "do $$ begin perform dblink_exec('a', 'b'); end $$",
            "do $$ begin set local role a; end $$",
            "do $$ begin reset all; end $$",
            "do $$ begin discard temp; end $$",
            "do $$ begin prepare p as select 1; end $$",
            "do $$ begin if a then listen b; end if; end $$",
            "do $$ begin for a in execute 'select pg_advisory_lock(1)' loop null; end loop; end $$",
            "do $$ begin return query execute 'set role a'; end $$",
            "do $$ begin execute format('set role %I', a); end $$",
            "do $$ begin execute 'do $a$ begin listen b; end $a$'; end $$",
            "do $$ begin update pg_settings set setting = '1'; end $$",
            "do $$ begin raise notice 'listen b'; end $$",
            "do $$ begin perform setseed(1); exception when others then null; end $$",
            "do $x$ begin create table pg_temp.t (a int); end $x$",
            "do language plpgsql 'begin listen a; end'",
            "do $$ begin set client_encoding = 'SJIS'; end $$",
            "create function f() returns void language plpgsql as $$ begin set role a; end $$",
            "create function f() returns int language sql begin atomic select 1; end",
            "create procedure p() language plpgsql as $$ begin commit; end $$",
            "set @a = ?",
            "select @a := ?, b from c",
            "select @a := @a + 1 from b",
            "select count(*) into @a from b",
            "select a into outfile '/tmp/a' from b",
            "select set_config('a.b', $1, is_local => true)",
            "select set_config('a.b', $1, is_local => false)",
            "select * from dblink('a', 'insert into b values (1) returning c') as t (c int)",
            "select * from dblink('a', 'select 1') as t (c int)",
            "select lo_export(1, '/tmp/a')",
            "copy a to program 'cat'",
            "copy (select 1) to '/tmp/a'",
            "copy a from program 'cat'",
            "do $$ begin copy a to '/tmp/a'; end $$",
            "create table a (b text unique on conflict rollback)",
            "create temp table a (b text unique on conflict rollback)",
            "create table a (b text unique on conflict ignore)",
            "create trigger t before update on a begin select raise(rollback, 'b'); end",
            "create trigger t before update on a begin select raise(abort, 'b'); end",
            "set @a = 1",
            "use shop",
            "pragma foreign_keys = off",
            "attach 'a' as b",
            "insert into a values ('commit')",
            "select case when a then b end from c",
            "select 1 as \"begin\"",
            "set search_path = a",
            "set search_path to a, b",
            "SET SESSION statement_timeout = '1s'",
            "set time zone 'UTC'",
            "set role admin",
            "set session authorization admin",
            "set session characteristics as transaction read only",
            "set names 'utf8'",
            "set standard_conforming_strings = off",
            "set local standard_conforming_strings = off",
            "set client_encoding = 'SJIS'",
            "set app.user = '1'",
            "set local search_path = a",
            "set local app.user = '1'",
            "set constraints all deferred",
            "reset all",
            "reset search_path",
            "discard all",
            "discard temp",
            "load 'auto_explain'",
            "listen orders",
            "unlisten orders",
            "notify orders",
            "prepare a as select 1",
            "prepare transaction 'a'",
            "execute a",
            "deallocate a",
            "deallocate all",
            "declare c cursor for select 1",
            "declare c cursor with hold for select 1",
            "declare c binary insensitive cursor with hold for select 1",
            "create temp table t (id int)",
            "create temporary table t as select 1",
            "create local temp table t (id int)",
            "create temp table t (id int) on commit drop",
            "create temp table t (id int) on commit delete rows",
            "create temp view v as select 1",
            "create temp sequence s",
            "create table pg_temp.t (id int)",
            "create table t (id int)",
            "drop table t",
            "select * into temp t from orders",
            "select * into t from orders",
            "with a as (select 1) select * into temporary table t from a",
            "select set_config('app.user', 'a', false)",
            "select set_config('app.user', $1, $2)",
            "select set_config('app.user', $1, true)",
            "select set_config('standard_conforming_strings', 'off', true)",
            "update pg_settings set setting = '1' where name = 'work_mem'",
            "select pg_advisory_lock(1)",
            "select PG_TRY_ADVISORY_LOCK(1)",
            "select pg_advisory_lock_shared(1)",
            "select pg_try_advisory_lock_shared(1, 2)",
            "select pg_advisory_unlock(1)",
            "select pg_advisory_unlock_shared(1)",
            "select pg_catalog.pg_advisory_unlock_all()",
            "select pg_advisory_xact_lock(1)",
            "select pg_try_advisory_xact_lock(1)",
            "select setseed(0.5)",
            "select dblink_connect('a', 'dbname=b')",
            "select dblink_connect_u('a', 'dbname=b')",
            "select dblink_disconnect('a')",
            "select * from dblink('dbname=a', 'select 1') as t (a int)",
            "select pg_backup_start('a')",
            "select pg_backup_stop()",
            "select pg_replication_origin_session_setup('a')",
            "select pg_replication_origin_session_reset()",
            "select 'pg_advisory_lock(1)'",
            "select 1 -- listen a",
            "lock table orders",
            "insert into temp (a) values (1)",
            "select 1; listen a",
            "create view pg_temp.v as select 1",
            "create function pg_temp.f() returns int return 1",
            "create sequence pg_temp.s",
            "create type pg_temp.t as (a int)",
            "create table shop.pg_temp.t (id int)",
            "create table pg_temp_3.t (id int)",
            "create index i on pg_temp.t (id)",
            "select set_limit(0.5)",
            "select pg_create_physical_replication_slot('a', false, true)",
            "do $$ begin set search_path = a; end $$",
            "do $$ begin perform set_config('a.b', 'c', false); end $$",
            "do $$ begin perform pg_advisory_lock(1); end $$",
            "do $$ begin create temp table t (id int); end $$",
            "do $$ begin create temp table t (id int) on commit drop; end $$",
            "do $$ begin execute 'listen orders'; end $$",
            "do $$ begin update a set b = 1; end $$",
        ],
    ),
    (
        Dialect::MySql,
        &[
            "begin",
            "begin work",
            "start transaction",
            "start transaction with consistent snapshot",
            "commit",
            "commit and no chain",
            "rollback",
            "rollback to savepoint a",
            "savepoint a",
            "release savepoint a",
            "end",
            "xa start 'a'",
            "xa prepare 'a'",
            "xa recover",
            "select 1; commit",
            "select 1 # ; commit",
            "select 1 # a\n; commit",
            "-- a\ncommit",
            "/* /* */ commit; -- */",
            "/*! commit */",
            "/*!50000 lock tables a read */",
            "/*!99999 commit */",
            "/*M! commit */",
            "/*+ commit */",
            "select 1 /*!50701 ' */; commit; -- '",
            "select 1 /*! ; commit */",
            "select 'a\\'; commit; --'",
            "select \"a; commit\"",
            "select `a; commit` from b",
            "select $$ ; commit; $$",
            "set local time_zone = '+00:00'",
            "set transaction read only",
            "set session transaction read only",
            "set session transaction isolation level serializable",
            "set transaction_isolation = 'serializable'",
            "set global max_connections = 5",
            "set persist max_connections = 5",
            "reset persist",
            "set autocommit = 0",
            "set autocommit = 1",
            "set @@autocommit = 1",
            "set session autocommit = off",
            "set @a = 1, autocommit = 1",
            "set @a = 1, session time_zone = 'UTC'",
            "set password = 'a'",
            "set default role a to b",
            "set role a",
            "create table t (id int)",
            "create table t as select 1",
            "create or replace temporary table t (a int)",
            "create temporary table t like a",
            "create index i on t (a)",
            "create view v as select 1",
            "create database a",
            "create user a",
            "create sequence s",
            "create procedure p() select 1",
            "create procedure p() begin select 1; commit; end",
            "create trigger t before insert on a for each row set new.b = 1",
            "drop table t",
            "drop view v",
            "alter table t add a int",
            "alter user a",
            "rename table a to b",
            "truncate t",
            "truncate table t",
            "grant select on a to b",
            "revoke select on a from b",
            "analyze table t",
            "analyze format=json select 1",
            "optimize table t",
            "repair table t",
            "check table t",
            "flush tables",
            "flush tables with read lock",
            "reset master",
            "start replica",
            "stop slave",
            "change replication source to source_host = 'a'",
            "install plugin a soname 'b'",
            "load index into cache t",
            "cache index t in a",
            "import table from 'a'",
            "lock tables t write",
            "lock tables t read, a write",
            "lock table t read",
            "lock instance for backup",
            "unlock tables",
            "backup stage start",
            "call settle(1)",
            "prepare p from 'lock tables t write'",
            "execute immediate 'commit'",
            "execute immediate 'lock tables t write'",
            "execute immediate 'create table t (a int)'",
            "execute immediate 'begin not atomic handler t open; end'",
            "execute immediate @a",
            "execute immediate concat('a', 'b')",
            "execute immediate 0x636f6d6d6974",
            "begin not atomic commit; end",
            "begin not atomic select 1; end",
            "begin not atomic create table t (a int); end",
            "begin not atomic handler t open; end",
            "begin not atomic do get_lock('a', 1); end",
            "begin not atomic set session sql_log_bin = 0; end",
            "begin not atomic prepare p from 'select 1'; end",
            "begin not atomic declare exit handler for sqlexception rollback; select 1; end",
            "if 1 then commit; end if",
            "if 1 then handler t open; end if",
            "while 1 do create temporary table t (a int); end while",
            "set statement max_statement_time = 1 for commit",
            "set statement max_statement_time = 1 for set session a = 1",
            "set statement max_statement_time = 1 for handler t open",
            "select version_tokens_lock_shared('a', 1)",
            "select * from t into outfile 'a'",
            "select 1 as commit",
            "insert into a values ('it\\'s; commit')",
            "show tables",
            "kill 5",
            "signal sqlstate '45000'",
            "listen a",
            "copy a from stdin",
            "select pg_advisory_lock(1)",
            "select setseed(1)",
            "select set_config('a', 'b', false)",
            "pragma foreign_keys = off",
            "vacuum",
            "insert or rollback into a values (1)",
            "handler t open",
            "handler shop.t open as a",
            "HANDLER `t` /* a */ OPEN",
            "handler t read first",
            "handler t close",
            "execute immediate 'handler t open'",
            "execute immediate 'set time_zone = a'",
            "execute immediate 'select 1'",
            "select service_get_read_locks('a', 'b', 1)",
            "set session sql_mode = ''",
            "set @@session.sql_mode = 'ANSI_QUOTES'",
            "set time_zone = '+00:00'",
            "set names utf8mb4",
            "set names gbk",
            "set character set utf8mb4",
            "set @total = 0",
            "set statement max_statement_time = 1 for select 1",
            "use shop",
            "prepare p from 'select 1'",
            "prepare p from 'commit'",
            "execute p",
            "execute immediate 'set sql_mode = 1'",
            "deallocate prepare p",
            "drop prepare p",
            "create temporary table t (id int)",
            "create temporary table t select 1",
            "drop temporary table t",
            "drop temporary tables if exists t",
            "select get_lock('a', 1)",
            "do get_lock('a', 1)",
            "select release_lock('a')",
            "select RELEASE_ALL_LOCKS()",
            "select is_free_lock('a')",
            "select get_lock from t",
            "load data infile 'a' into table b",
            "load data local infile 'a' into table b",
            "load xml infile 'a' into table b",
            "select * from t for update",
        ],
    ),
    (
        Dialect::Sqlite,
        &[
            "begin",
            "begin immediate",
            "begin exclusive transaction",
            "commit",
            "commit transaction",
            "end",
            "end transaction",
            "rollback",
            "rollback transaction a",
            "rollback to a",
            "savepoint a",
            "release a",
            "select 1; commit",
            "-- a\ncommit",
            "/* a */ commit",
            "/* /* */ commit; -- */",
            "select 1 # ; commit",
            "select $$ ; commit; $$",
            "select 'a\\'; commit; --'",
            "select \"a; commit\" from b",
            "select `a; commit` from b",
            "select [a; commit] from b",
            "/*! commit */ select 1",
            "select 1;\0",
            "insert or rollback into a values (1)",
            "update or rollback a set b = 1",
            "with a as (select 1) insert or rollback into b select * from a",
            "insert or ignore into a values (1)",
            "insert or abort into a values (1)",
            "insert into a values (1) on conflict do nothing",
            "replace into a values (1)",
            "create index i on a (b)",
            "create trigger t after insert on a begin delete from b; end",
            "create trigger t after insert on a begin select raise(rollback, 'a'); end",
            "drop table a",
            "alter table a add b",
            "reindex",
            "analyze",
            "vacuum",
            "vacuum into 'a'",
            "explain commit",
            "explain query plan select 1",
            "set local a = 1",
            "set a = 1",
            "set transaction read only",
            "lock tables a write",
            "listen a",
            "copy a from stdin",
            "prepare a as select 1",
            "select get_lock('a', 1)",
            "select pg_advisory_lock(1)",
            "select setseed(1)",
            "pragma main.query_only = on",
            "pragma busy_timeout = 5",
            "pragma wal_checkpoint",
            "pragma optimize",
            "create temp table t (a) strict",
            "create temp table if not exists t as select 1",
            "do $$ begin listen a; end $$",
            "truncate a",
            "grant select on a to b",
            "attach 'a.db' as a",
            "attach database 'a.db' as a",
            "detach a",
            "detach database a",
            "pragma foreign_keys = off",
            "pragma query_only(1)",
            "pragma main.journal_mode = wal",
            "pragma foreign_keys",
            "pragma defer_foreign_keys = on",
            "pragma table_info(a)",
            "pragma user_version = 3",
            "create temp table t (a)",
            "create temporary table t as select 1",
            "create temp trigger t after insert on a begin delete from b; end",
            "create temp view v as select 1",
            "create table temp.t (a)",
            "create table 'temp'.t (a)",
            "create trigger temp.t after insert on a begin delete from b; end",
            "create virtual table temp.t using fts5(a)",
            "create table t (a)",
            "drop table temp.t",
            "select load_extension('a')",
            "select load_extension('a', 'b')",
            "select 'load_extension(1)'",
        ],
    ),
];

/// Returns the codes of the rules that a text breaks at compile time, in a function with that session: what is refused on the
/// tokens, and what the compiler is asked about and answers for a session of that database.
fn refused_at_compile_time(sql: &str, session: &str, dialect: Dialect) -> Vec<&'static str> {
    use demarcate_rules::{Args, Errors, Item, Kind, check};

    let function = format!(
        "async fn f(tx: &mut {session}) -> Result<(), E> {{ sqlx::query({sql:?}).execute(&mut *tx).await?; Ok(()) }}"
    );
    let mut errors = Errors::default();
    let args = Args::parse(Kind::Service, Default::default(), &mut errors);
    let Ok(Item::Function(function)) = Item::parse(function.parse().unwrap()) else {
        panic!("{function}");
    };
    let checked = check(Kind::Service, &args, &function, &mut errors).unwrap();
    let refused = errors
        .iter()
        .filter_map(|mistake| mistake.rule)
        .map(|rule| rule.code);
    let database = format!("On{dialect:?}");
    let asked = checked
        .doubtful
        .iter()
        .filter(|text| text.database == database)
        .map(|text| text.rule.code);
    refused.chain(asked).collect()
}

/// Whether a text is another database's: this one knows no such statement or function, and answers with a syntax error.
fn is_of_another(sql: &str, dialect: Dialect) -> bool {
    let knows_no_statement =
        statements(sql, dialect).any(|statement| statement.kind == Kind::Other);
    let calls_another = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite]
        .into_iter()
        .any(|other| other != dialect && demarcate_sql::session_calls(sql, other).next().is_some());
    // `INSERT OR`
    let is_sqlite = demarcate_sql::find(sql, Dialect::Sqlite, |effect| {
        effect == Effect::RollsBackOnConflict
    });
    knows_no_statement || calls_another || is_sqlite.is_some()
}

/// Each text on each database. Where the attribute knows the database by its name, and where the compiler tells it, it
/// refuses what the guard refuses. The one exception: where neither is the case yet, the tokens of a text that only another
/// database knows are refused, since no database runs it.
#[test]
fn the_guard_and_the_rules_refuse_the_same() {
    let (mut compared, mut refused_by_both, mut of_another) = (0, 0, 0);
    let mut differ = Vec::new();
    for sql in TEXTS.into_iter().flat_map(|(_, texts)| texts) {
        for (dialect, named) in [
            (Dialect::Postgres, "demarcate::postgres::Session"),
            (Dialect::MySql, "demarcate::mysql::Session"),
            (Dialect::Sqlite, "demarcate::sqlite::Session"),
        ] {
            let guard = refused(sql, dialect).map(|(rule, _)| rule);
            let with_name = refused_at_compile_time(sql, named, dialect);
            let asked = refused_at_compile_time(sql, "Session", dialect);
            let is_same = match guard {
                Some(rule) => with_name.contains(&rule) && asked.contains(&rule),
                None if with_name.is_empty() && !asked.is_empty() => {
                    of_another += 1;
                    is_of_another(sql, dialect)
                }
                None => with_name.is_empty() && asked.is_empty(),
            };
            if !is_same {
                differ.push(format!(
                    "{dialect:?}: {sql}: guard {guard:?}, {named} {with_name:?}, Session {asked:?}"
                ));
            }
            refused_by_both += usize::from(guard.is_some());
            compared += 1;
        }
    }
    println!(
        "{compared} compared, {refused_by_both} refused by both, {of_another} of another database"
    );
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(compared > 1000 && refused_by_both > 400);
}

/// What the guard refuses and the compiler does not, and why.
#[test]
fn what_only_the_guard_sees() {
    for (dialect, text, reason) in [
        (
            Dialect::Postgres,
            "text_of(role)",
            "put together at run time",
        ),
        (Dialect::MySql, "LOCKS", "a constant outside of the body"),
        (Dialect::Sqlite, "lines.next().unwrap()", "out of a loop"),
    ] {
        let function = format!(
            "async fn f(tx: &mut Session) -> Result<(), E> {{ sqlx::query({text}).execute(&mut *tx).await?; Ok(()) }}"
        );
        let Ok(demarcate_rules::Item::Function(function)) =
            demarcate_rules::Item::parse(function.parse().unwrap())
        else {
            panic!("{function}");
        };
        let mut errors = demarcate_rules::Errors::default();
        let args = demarcate_rules::Args::parse(
            demarcate_rules::Kind::Service,
            Default::default(),
            &mut errors,
        );
        let checked = demarcate_rules::check(
            demarcate_rules::Kind::Service,
            &args,
            &function,
            &mut errors,
        )
        .unwrap();
        assert!(
            errors.is_empty() && checked.doubtful.is_empty(),
            "{dialect:?}, {reason}: {text}"
        );
    }
}

/// How many questions a text costs: none if it is harmless on all databases.
#[test]
fn harmless_texts_ask_nothing() {
    for sql in [
        "select id, sku from orders where id = $1",
        "select * from orders where id = ? for update",
        "insert into orders (sku, amount) values ($1, $2) returning id",
        "insert into orders (sku) values (?) on conflict do nothing",
        "update orders set state = 'paid' where id = $1",
        "delete from orders where note = 'commit'",
        "with a as (select 1) select * from a",
        "select count(*) from begin_log -- rollback",
        "explain select 1",
        "values (1), (2)",
    ] {
        for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
            assert!(
                refused_at_compile_time(sql, "Session", dialect).is_empty(),
                "{sql}"
            );
        }
    }
}
