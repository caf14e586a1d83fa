//! Tests of the kinds of statements.

use crate::Dialect::{self, MySql, Postgres, Sqlite};
use crate::{Kind, statements};

const ALL: [Dialect; 3] = [Postgres, MySql, Sqlite];

#[track_caller]
fn check(dialects: &[Dialect], kind: Kind, texts: &[&str]) {
    for &dialect in dialects {
        for text in texts {
            let found = statements(text, dialect)
                .next()
                .map(|statement| statement.kind);
            assert_eq!(found, Some(kind), "{dialect:?}: {text}");
        }
    }
}

#[test]
fn rows() {
    check(
        &ALL,
        Kind::Select,
        &[
            "select 1",
            "(select 1)",
            "((\nSELECT 1) union select 2)",
            "values (1)",
            "table t",
        ],
    );
    check(
        &ALL,
        Kind::Insert,
        &[
            "insert into t values (1)",
            "insert or replace into t values (1)",
            "replace into t values (1)",
        ],
    );
    check(
        &ALL,
        Kind::Update,
        &["update t set a = 1", "update orders set a = 1"],
    );
    check(&ALL, Kind::Delete, &["delete from t"]);
    check(
        &ALL,
        Kind::With,
        &[
            "with a as (select 1) select * from a",
            "with a as (select 1) delete from b",
        ],
    );
    check(
        &ALL,
        Kind::Merge,
        &["merge into t using u on true when matched then delete"],
    );
    check(
        &ALL,
        Kind::Other,
        &[
            "show tables",
            "x",
            "=",
            "selects 1",
            "\u{A0}commit",
            "\"commit\"",
            "'commit'",
            "1",
        ],
    );
}

#[test]
fn rollback_on_conflict() {
    check(
        &[Sqlite],
        Kind::RollbackOnConflict,
        &[
            "insert or rollback into t values (1)",
            "INSERT/**/OR\nROLLBACK INTO t VALUES (1)",
            "update or rollback t set a = 1",
            "with a as (select 1) insert or rollback into t select * from a",
            "with a as (select 1 or 2) update or rollback t set b = 1",
        ],
    );
    check(
        &[Postgres, MySql],
        Kind::Insert,
        &["insert or rollback into t values (1)"],
    );
    check(
        &[Sqlite],
        Kind::RollbackOnConflict,
        &["create table t (a unique on conflict rollback)"],
    );
    check(
        &[Sqlite],
        Kind::Insert,
        &[
            "insert or abort into t values (1)",
            "insert into rollback values (1)",
        ],
    );
}

#[test]
fn begin_and_end() {
    check(
        &ALL,
        Kind::Begin,
        &[
            "begin",
            "BEGIN WORK",
            "Begin Transaction",
            "start transaction",
            "start/**/transaction read only",
        ],
    );
    check(
        &[Sqlite],
        Kind::Begin,
        &["begin immediate", "begin exclusive transaction"],
    );
    check(
        &[Postgres],
        Kind::Begin,
        &["begin isolation level serializable", "begin not deferrable"],
    );
    check(
        &ALL,
        Kind::Commit,
        &[
            "commit",
            "COMMIT WORK",
            "commit transaction",
            "commit and chain",
            "(commit",
            "\u{FEFF}commit",
        ],
    );
    check(
        &[MySql],
        Kind::Commit,
        &[
            "commit release",
            "/*! COMMIT */",
            "/*!50000 COMMIT */",
            "/*M! COMMIT */",
            "# a\ncommit",
        ],
    );
    check(
        &[Postgres, Sqlite],
        Kind::Commit,
        &["end", "end transaction", "--\ncommit"],
    );
    check(&[MySql], Kind::Other, &["end", "abort"]);
    check(
        &[Postgres],
        Kind::Rollback,
        &["abort", "abort work and chain"],
    );
    check(&[Sqlite], Kind::Other, &["abort"]);
    check(
        &ALL,
        Kind::Rollback,
        &[
            "rollback",
            "rollback work",
            "rollback transaction",
            "rollback and chain",
        ],
    );
    check(&[Sqlite], Kind::Rollback, &["rollback transaction a"]);
}

#[test]
fn savepoints() {
    check(&ALL, Kind::Savepoint, &["savepoint a", "SAVEPOINT \"a\""]);
    check(&ALL, Kind::Release, &["release a", "release savepoint a"]);
    check(
        &ALL,
        Kind::RollbackTo,
        &[
            "rollback to a",
            "rollback to savepoint a",
            "rollback work to savepoint a",
            "rollback/**/transaction to a",
        ],
    );
    check(
        &[Sqlite],
        Kind::RollbackTo,
        &[
            "rollback transaction a to b",
            "rollback transaction [a] to b",
        ],
    );
}

#[test]
fn two_phases() {
    check(
        &[Postgres],
        Kind::PrepareTransaction,
        &["prepare transaction 'a'", "prepare transaction $$a$$"],
    );
    check(
        &[Postgres],
        Kind::CommitPrepared,
        &["commit prepared 'a'", "COMMIT/*x*/PREPARED 'a'"],
    );
    check(
        &[Postgres],
        Kind::RollbackPrepared,
        &["rollback prepared 'a'"],
    );
    check(
        &[MySql],
        Kind::Xa,
        &[
            "xa start 'a'",
            "xa end 'a'",
            "xa prepare 'a'",
            "xa commit 'a' one phase",
            "xa rollback 'a'",
        ],
    );
    check(&[MySql], Kind::Other, &["xa recover"]);
    check(&[Postgres, Sqlite], Kind::Other, &["xa start 'a'"]);
}

#[test]
fn postgres_set() {
    let pg = &[Postgres];
    check(
        pg,
        Kind::SetTransaction,
        &[
            "set transaction isolation level serializable",
            "set transaction snapshot 'a'",
            "set local transaction read only",
            "set session transaction read only",
            "set transaction_isolation = 'serializable'",
            "set local transaction_read_only to on",
            "set \"transaction_deferrable\" = on",
        ],
    );
    check(pg, Kind::SetConstraints, &["set constraints all deferred"]);
    check(
        pg,
        Kind::SetLocal,
        &[
            "set local a.b = 1",
            "SET LOCAL search_path TO x",
            "set local role x",
            "set local session authorization x",
        ],
    );
    check(
        pg,
        Kind::SetSession,
        &[
            "set search_path = x",
            "set session search_path = x",
            "set session characteristics as transaction read only",
            "set session authorization x",
            "set role x",
            "set time zone 'UTC'",
            "set local.a = 1",
            "set local = 1",
            "set local to 1",
            "set session.a = 1",
            "set transaction.a = 1",
            "set autocommit = 1",
        ],
    );
    check(
        pg,
        Kind::SetReading,
        &[
            "set standard_conforming_strings = off",
            "SET LOCAL Standard_Conforming_Strings TO off",
            "set session \"standard_conforming_strings\" = off",
            "set backslash_quote = on",
            "set U&\"standard\\005fconforming_strings\" = off",
            "set client_encoding = sjis",
            "set names 'gbk'",
            "select set_config('standard_conforming_strings', 'off', true)",
            "select 1 where PG_CATALOG.\"set_config\" /* a */ ( $$backslash_quote$$, $1, true) = ''",
            "select set_config(E'standard\\x5fconforming_strings', 'off', true)",
            "select set_config(U&'standard\\005fconforming_strings', 'off', true)",
            "select set_config(is_local => true, setting_name => 'backslash_quote', new_value => 'on')",
            "with a as (select set_config('backslash_quote', 'on', true)) select * from a",
            "update pg_settings set setting = 'off' where name = $1",
            "with a as (update only pg_catalog.pg_settings set setting = 'off' returning 1) select * from a",
            "do $$ begin set local standard_conforming_strings = off; end $$",
        ],
    );
    check(
        pg,
        Kind::SetTransaction,
        &["select set_config('transaction_read_only', 'off', true)"],
    );
    check(
        pg,
        Kind::Select,
        &[
            "select set_config('app.user', 'standard', true)",
            "select set_config('app.user', E'a\\n', true)",
            "select set_config($1, $2, true)",
            "select 'set_config(', 'backslash_quote'",
            "select * from pg_settings where name = 'backslash_quote'",
        ],
    );
    check(
        pg,
        Kind::SetSession,
        &["set names 'UTF8'", "set client_encoding to utf8"],
    );
    check(pg, Kind::Reset, &["reset all", "reset search_path"]);
    check(pg, Kind::Discard, &["discard all"]);
    check(pg, Kind::Load, &["load 'a'"]);
}

#[test]
fn mysql_set() {
    let my = &[MySql];
    check(
        my,
        Kind::SetAutocommit,
        &[
            "set autocommit = 1",
            "set autocommit=0",
            "SET @@autocommit = 1",
            "set @@session.autocommit=1",
            "set @@local.autocommit=1",
            "set session autocommit = 1",
            "set local autocommit = 1",
            "set `autocommit` = 1",
            "set @@session.`autocommit` := 1",
            "set @a = 1, autocommit = 1",
            "set @a = concat('a', 'b'), sql_mode = '', @@autocommit = 1",
            "set global a = 1, session autocommit = 1",
            "set /*! autocommit */ = 1",
        ],
    );
    check(
        my,
        Kind::SetGlobal,
        &[
            "set global a = 1",
            "set @@global.a = 1",
            "set persist a = 1",
            "set persist_only a = 1",
            "set global autocommit = 1",
            "set global transaction read only",
            "set a = 1, @@persist.b = 2",
            "reset persist",
        ],
    );
    check(
        my,
        Kind::SetUserVariable,
        &[
            "set @a = 1",
            "set @a := (select autocommit, 1)",
            "set @`a` = 1",
            "set @'a' = 1, @b = 2",
        ],
    );
    check(
        my,
        Kind::SetSession,
        &[
            "set a = 1",
            "set session a = 1",
            "set local a = 1",
            "set @@a = 1",
            "set @@global = 1",
            "set names utf8mb4",
            "set character set utf8mb4",
            "set role all",
            "set session transaction isolation level serializable",
            "set local transaction read only",
        ],
    );
    check(
        my,
        Kind::SetTransaction,
        &["set transaction isolation level serializable"],
    );
    check(
        my,
        Kind::SetReading,
        &[
            "set sql_mode = ''",
            "SET SESSION sql_mode = ''",
            "set global sql_mode = ''",
            "set @@sql_mode := ''",
            "set @@session . sql_mode = ''",
            "set @@global.`sql_mode` = ''",
            "set persist sql_mode = default",
            "set @a = 1, time_zone = '+00:00', local sql_mode = ''",
            "set /*! sql_mode */ = ''",
            "set statement sql_mode = '' for select 1",
            "set statement max_statement_time = 1, sql_mode = '' for select 1",
            "set names gbk",
            "set names 'sjis'",
            "set character set gbk",
            "set charset gbk",
            "set character_set_client = @a",
        ],
    );
    check(
        my,
        Kind::SetSession,
        &["set names default", "set character_set_client = 'utf8mb4'"],
    );
    check(
        my,
        Kind::Commit,
        &["set statement sql_mode = '' for commit"],
    );
    check(
        my,
        Kind::Ddl,
        &["set password = 'a'", "set default role a to b"],
    );
    check(
        my,
        Kind::Select,
        &["set statement max_statement_time = 1 for select 1"],
    );
    check(
        my,
        Kind::Commit,
        &["set statement a = 1, b = 'for' for commit"],
    );
    check(my, Kind::Use, &["use a"]);
    check(&[Sqlite], Kind::Other, &["set autocommit = 1", "set a = 1"]);
}

#[test]
fn session_objects() {
    let pg = &[Postgres];
    check(pg, Kind::Listen, &["listen a"]);
    check(pg, Kind::Unlisten, &["unlisten *"]);
    check(pg, Kind::Notify, &["notify a, 'b'"]);
    check(
        pg,
        Kind::Prepare,
        &[
            "prepare a as select 1",
            "prepare transaction as select 1",
            "prepare transaction (int) as select $1",
        ],
    );
    check(&[MySql], Kind::Prepare, &["prepare a from 'select 1'"]);
    check(
        &[Postgres, MySql],
        Kind::Execute,
        &["execute a", "execute immediate 'select 1'"],
    );
    check(
        &[Postgres, MySql],
        Kind::Deallocate,
        &["deallocate prepare a"],
    );
    check(&[MySql], Kind::Deallocate, &["drop prepare a"]);
    check(
        pg,
        Kind::DeclareCursor,
        &[
            "declare a cursor for select 1",
            "declare a no scroll cursor without hold for select 1",
        ],
    );
    check(
        pg,
        Kind::DeclareCursorWithHold,
        &[
            "declare a cursor with hold for select 1",
            "declare \"b\" binary cursor WITH/**/HOLD for select 1",
        ],
    );
    check(
        pg,
        Kind::LockTable,
        &["lock table a", "lock a in share mode"],
    );
    check(
        &[MySql],
        Kind::LockTables,
        &["lock tables a read", "lock table a write"],
    );
    check(&[MySql], Kind::UnlockTables, &["unlock tables"]);
    check(
        &[Sqlite],
        Kind::Attach,
        &["attach 'a' as b", "attach database 'a' as b"],
    );
    check(&[Sqlite], Kind::Detach, &["detach b"]);
}

/// A literal is read as the SQL that it is.
#[test]
fn dynamic_sql() {
    let my = &[MySql];
    check(
        my,
        Kind::Commit,
        &[
            "execute immediate 'commit'",
            "EXECUTE/**/IMMEDIATE \"commit\"",
            "execute immediate ('/* a */ commit')",
            "execute immediate 'com' 'mit'",
            "execute immediate 'com\\mit'",
            "execute immediate _utf8mb4'commit'",
            "execute immediate N'commit'",
            "execute immediate 'execute immediate ''commit'''",
            "execute immediate 'commit' using @a",
            "prepare a from 'commit'",
            "prepare `a` from 'COMMIT;'",
        ],
    );
    check(
        my,
        Kind::Ddl,
        &["execute immediate 'create table a (b int)'"],
    );
    check(
        my,
        Kind::SetReading,
        &[
            "execute immediate 'set sql_mode = \"\"'",
            "prepare a from 'set sql_mode = ?'",
        ],
    );
    check(
        my,
        Kind::Ambiguous,
        &[
            "execute immediate x'636f6d6d6974'",
            "execute immediate 0x636f6d6d6974",
            "prepare a from b'0110'",
            "execute immediate 'select 1 /*!50701 '' */'",
        ],
    );
    check(
        my,
        Kind::Execute,
        &[
            "execute immediate 'select ''commit'''",
            "execute immediate concat('com', 'mit')",
            "execute immediate @a",
            "execute a",
            "execute commit",
        ],
    );
    check(
        my,
        Kind::Prepare,
        &["prepare a from 'select 1'", "prepare a from @b"],
    );
    check(
        &[Postgres],
        Kind::Prepare,
        &["prepare a as select 'commit'"],
    );

    let fits = std::format!("execute immediate '{}\\commit'", " ".repeat(500));
    check(my, Kind::Commit, &[&fits]);
    let does_not = std::format!("execute immediate '{}\\commit'", " ".repeat(510));
    check(my, Kind::Ambiguous, &[&does_not]);
    let without_escapes = std::format!("execute immediate '{}commit'", " ".repeat(5_000));
    check(my, Kind::Commit, &[&without_escapes]);
}

#[test]
fn ddl() {
    check(
        &ALL,
        Kind::Ddl,
        &[
            "create table a (b int)",
            "alter table a add b int",
            "drop table a",
            "create unique index a on b (c)",
            "create view a as select 1",
        ],
    );
    check(
        &[Postgres, MySql],
        Kind::Ddl,
        &[
            "truncate a",
            "grant all on a to b",
            "revoke all on a from b",
        ],
    );
    check(
        &[MySql],
        Kind::Ddl,
        &[
            "rename table a to b",
            "create database a",
            "drop database a",
            "create temporary sequence a",
            "drop temporary sequence a",
        ],
    );
    check(
        &[Postgres],
        Kind::Ddl,
        &[
            "comment on table a is 'b'",
            "create index a on b (c)",
            "refresh materialized view a",
            "drop index a",
        ],
    );
    check(
        &[Postgres, Sqlite],
        Kind::Temporary,
        &[
            "create temp table a (b int)",
            "create temporary view a as select 1",
        ],
    );
    check(
        &[Postgres],
        Kind::Temporary,
        &["create local temp table a (b int) on commit delete rows"],
    );
    check(
        &[MySql],
        Kind::Temporary,
        &[
            "create temporary table a (b int)",
            "create or replace temporary table a (b int)",
            "drop temporary table a",
        ],
    );
    check(
        &[Postgres],
        Kind::TemporaryOnCommitDrop,
        &[
            "create temp table a (b int) on commit drop",
            "create temp table a on commit/**/drop as select 1",
        ],
    );
    check(
        &[Postgres],
        Kind::DdlOutside,
        &[
            "create database a",
            "drop database a",
            "create tablespace a location 'b'",
            "create index concurrently a on b (c)",
            "create unique index concurrently if not exists a on b (c)",
            "drop index concurrently a",
            "alter system set a = 1",
            "reindex (verbose) database a",
            "reindex table concurrently a",
            "cluster",
            "cluster verbose",
        ],
    );
}

#[test]
fn maintenance() {
    check(&ALL, Kind::Maintenance, &["analyze table a"]);
    check(
        &[Postgres, Sqlite],
        Kind::Maintenance,
        &["analyze", "reindex table a"],
    );
    check(
        &[Postgres],
        Kind::Maintenance,
        &["cluster a", "cluster a using b", "checkpoint"],
    );
    check(
        &[MySql],
        Kind::Maintenance,
        &[
            "analyze local table a",
            "optimize table a",
            "repair table a",
            "check table a",
            "cache index a in b",
            "flush tables",
            "load index into cache a",
            "reset master",
            "start replica",
            "stop slave",
            "change master to a = 1",
            "backup stage start",
        ],
    );
    check(&[Postgres, Sqlite], Kind::Vacuum, &["vacuum", "vacuum a"]);
    check(&[MySql], Kind::Other, &["vacuum", "checksum table a"]);
}

#[test]
fn code() {
    check(
        &[Postgres],
        Kind::Copy,
        &["copy a from 'b'", "copy a from program 'stdin'"],
    );
    check(
        &[Postgres],
        Kind::CopyToFile,
        &[
            "copy (select a from stdin) to 'b'",
            "copy a to program 'cat > b'",
            "copy a (b) to E'c' with (format csv)",
        ],
    );
    check(
        &[Postgres],
        Kind::CopyFromStdin,
        &[
            "copy a from stdin",
            "COPY \"b\".a (c, d) FROM/**/STDIN with (format csv)",
            "copy binary a from stdin",
            "copy a from stdout",
        ],
    );
    check(
        &[Postgres],
        Kind::CopyToStdout,
        &[
            "copy a to stdout",
            "copy a to stdin",
            "copy (select a from stdin) to stdout",
            "copy (select 1 from 'b') /* a */ TO STDOUT with (format csv)",
        ],
    );
    check(&[MySql], Kind::Copy, &["load data infile 'a' into table b"]);
    check(
        &[MySql],
        Kind::HandlerOpen,
        &[
            "handler a open",
            "HANDLER `a`.`b` /* c */ OPEN as d",
            "/*! handler a open */",
            "set statement max_statement_time = 1 for handler a open",
        ],
    );
    check(
        &[MySql],
        Kind::Other,
        &[
            "handler a read first",
            "handler open read next",
            "handler a close",
        ],
    );
    check(&ALL, Kind::Call, &["call a()"]);
    check(
        &[Postgres],
        Kind::Do,
        &[
            "do $$ begin commit; end $$",
            "do language plpgsql 'begin commit; end'",
        ],
    );
    check(&[MySql], Kind::Do, &["do sleep(1)"]);
}

#[test]
fn explain() {
    check(
        &ALL,
        Kind::Explain,
        &["explain select 1", "explain delete from a"],
    );
    check(
        &[Sqlite],
        Kind::Explain,
        &["explain commit", "explain query plan rollback"],
    );
    check(
        &[Postgres],
        Kind::Explain,
        &[
            "explain verbose select 1",
            "explain (costs off) delete from a",
            "explain (analyze false) delete from a",
            "explain (analyze 0) delete from a",
        ],
    );
    check(
        &[MySql],
        Kind::Explain,
        &["explain format=json select 1", "describe a", "desc a b"],
    );
    check(
        &[Postgres],
        Kind::Delete,
        &[
            "explain analyze delete from a",
            "explain analyze verbose delete from a",
            "explain (verbose, analyze) delete from a",
            "explain (analyze on) delete from a",
        ],
    );
    check(&[Postgres], Kind::Execute, &["explain analyze execute a"]);
    check(
        &[Postgres],
        Kind::Temporary,
        &["explain analyze create temp table a as select 1"],
    );
    check(
        &[MySql],
        Kind::Select,
        &[
            "explain analyze select 1",
            "explain analyze format=tree select 1",
            "analyze select 1",
            "analyze format=json select 1",
        ],
    );
}

#[test]
fn pragma() {
    check(
        &[Sqlite],
        Kind::Pragma,
        &[
            "pragma journal_mode",
            "pragma main.page_size",
            "pragma table_info(a)",
            "pragma main.table_info('a')",
            "pragma user_version = 3",
            "pragma defer_foreign_keys = on",
        ],
    );
    check(
        &[Sqlite],
        Kind::SetPragma,
        &[
            "pragma foreign_keys = off",
            "PRAGMA main.journal_mode=wal",
            "pragma busy_timeout(1)",
            "pragma \"query_only\" = 1",
        ],
    );
    check(&[Postgres, MySql], Kind::Other, &["pragma a = 1"]);
}
