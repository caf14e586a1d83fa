//! Tests of the splitting of texts into statements.

use std::vec::Vec;

use super::statements;
use crate::Dialect::{self, MySql, Postgres, Sqlite};
use crate::{Kind, Leak};

fn split(sql: &str, dialect: Dialect) -> Vec<&str> {
    statements(sql, dialect)
        .map(|statement| statement.text)
        .collect()
}

/// Each text is one statement, and the statement after it is seen.
#[track_caller]
fn check_whole(dialect: Dialect, texts: &[(&str, Kind)]) {
    for (text, kind) in texts {
        let sql = std::format!(" {text} ; commit;");
        let found: Vec<_> = statements(&sql, dialect)
            .map(|s| (s.text, s.kind))
            .collect();
        assert_eq!(
            found,
            [(*text, *kind), ("commit", Kind::Commit)],
            "{dialect:?}"
        );
    }
}

#[test]
fn plain_texts() {
    for dialect in [Postgres, MySql, Sqlite] {
        assert_eq!(split("", dialect), [""; 0]);
        assert_eq!(split(" ; /* a; */ ;; -- b;", dialect), [""; 0]);
        assert_eq!(split("select 1", dialect), ["select 1"]);
        assert_eq!(split("select 1;", dialect), ["select 1"]);
        assert_eq!(
            split(";; select ';' ;\n/* ; */ select 2 -- ;\n", dialect),
            ["select ';'", "select 2"]
        );
        assert_eq!(split("select 'a; commit", dialect), ["select 'a; commit"]);
        assert_eq!(split("select /* a; commit", dialect), ["select"]);
    }
}

#[test]
fn offsets_are_bytes() {
    let offsets: Vec<_> = statements("é; ß /**/ ; x", Postgres)
        .map(|s| (s.offset, s.text))
        .collect();
    assert_eq!(offsets, [(0, "é"), (4, "ß"), (14, "x")]);
}

#[test]
fn executable_comments_are_split() {
    assert_eq!(
        split("select /*! 1 */; select 2", MySql),
        ["select /*! 1", "select 2"]
    );
    assert_eq!(
        split("select 1; select /*! 1; commit */; select 2", MySql),
        ["select 1", "select /*! 1; commit */; select 2"]
    );
    assert_eq!(split("select /*! 1; commit */", Postgres), ["select"]);
    assert_eq!(split("/*!50000 commit */", MySql), ["commit"]);
}

#[test]
fn postgres_bodies() {
    check_whole(
        Postgres,
        &[
            ("DO $$ BEGIN COMMIT; END $$", Kind::Do),
            (
                "create function f() returns int language sql as 'select 1; select 2'",
                Kind::Routine,
            ),
            (
                "create function f() returns int language plpgsql as $f$ begin return 1; end; $f$",
                Kind::Routine,
            ),
            (
                "create function f() returns int begin atomic select 1; select 2; end",
                Kind::Routine,
            ),
            (
                "create or replace procedure f() begin atomic; end",
                Kind::Routine,
            ),
            ("create procedure f() begin/**/atomic end", Kind::Routine),
            (
                "create function f() returns int begin atomic select case when a.end then 1 end; select 1 as end; end",
                Kind::Routine,
            ),
            ("create function f() returns int return 1", Kind::Routine),
            (
                "create rule r as on insert to t do also (select 1; select 2)",
                Kind::Ddl,
            ),
            (
                "create or replace rule r as on insert to t do instead nothing",
                Kind::Ddl,
            ),
            (
                "create trigger t before insert on a execute function begin()",
                Kind::Routine,
            ),
            ("create table begin (a int, \"end\" int)", Kind::Ddl),
        ],
    );
    assert_eq!(
        split("create function begin() returns int; commit", Postgres).len(),
        2
    );
}

#[test]
fn a_bound_value_in_a_variable_stays() {
    for (sql, expected) in [
        ("set @a = ?", Some(Leak::Variable)),
        ("set @a = 1, @b := concat('a', ?)", Some(Leak::Variable)),
        ("set @a = 0", None),
        ("set @a = '?'", None),
    ] {
        let leaks = statements(sql, MySql).map(|statement| statement.leak());
        assert_eq!(leaks.collect::<Vec<_>>(), [expected], "{sql}");
    }
}

#[test]
fn sqlite_bodies() {
    check_whole(
        Sqlite,
        &[
            (
                "create trigger t after insert on a begin delete from b; end",
                Kind::Routine,
            ),
            (
                "create temp trigger t after insert on a begin delete from b; end",
                Kind::Temporary,
            ),
            (
                "create temporary trigger if not exists t after insert on a begin select 1; end",
                Kind::Temporary,
            ),
            (
                "create trigger t after update of x on a when case new.x when 1 then 2 end begin \
                 update b set c = case when 1 then 2 end; select 1; end",
                Kind::Routine,
            ),
            (
                "create trigger begin after insert on t begin select 1; end",
                Kind::Routine,
            ),
            (
                "create trigger t after insert on a begin select raise(rollback, 'no;'); end",
                Kind::RollbackOnConflict,
            ),
            ("create table begin (a)", Kind::Ddl),
        ],
    );
}

#[test]
fn mysql_bodies() {
    check_whole(
        MySql,
        &[
            ("create procedure p() begin end", Kind::Routine),
            (
                "create procedure p() begin commit; begin; end; select 1; end",
                Kind::Routine,
            ),
            (
                "create definer = 'a'@'%' procedure p(in a int) begin commit; end",
                Kind::Routine,
            ),
            (
                "create definer = current_user() function f() returns int return 1",
                Kind::Routine,
            ),
            (
                "create or replace aggregate function f() returns int begin return 1; end",
                Kind::Routine,
            ),
            (
                "create procedure if not exists p() select if(1, 2, 3)",
                Kind::Routine,
            ),
            (
                "create function f() returns int return case 1 when 2 then 3 end",
                Kind::Routine,
            ),
            (
                "create function f() returns string soname 'f.so'",
                Kind::Routine,
            ),
            (
                "create procedure p() begin if (a > 1) then select 1; elseif b then select 2; else select 3; end if; \
                 end",
                Kind::Routine,
            ),
            (
                "create procedure p() begin if not a then rollback; end if; end",
                Kind::Routine,
            ),
            (
                "create procedure p() begin case a when 1 then select case when b then if(c, 1, 2) else 3 end; \
                 else begin end; end case; end",
                Kind::Routine,
            ),
            (
                "create procedure p() l: loop leave l; end loop l",
                Kind::Routine,
            ),
            (
                "create procedure p() begin l: loop iterate l; end loop l; select repeat('a', 2); end",
                Kind::Routine,
            ),
            (
                "create procedure p() begin repeat set a = 1; until a end repeat; end",
                Kind::Routine,
            ),
            (
                "create procedure p() begin while a do do sleep(1); set b = 1; end while; end",
                Kind::Routine,
            ),
            (
                "create procedure p() begin for i in 1..2 do select i; end for; end",
                Kind::Routine,
            ),
            (
                "create procedure p() begin declare c cursor for select begin, end from a for update; \
                 declare exit handler for sqlexception begin rollback; end; \
                 declare continue handler for not found set done = 1; commit; end",
                Kind::Routine,
            ),
            (
                "create trigger t before insert on a for each row begin set new.b = 1; end",
                Kind::Routine,
            ),
            (
                "create trigger t before insert on a for each row if new.b then set new.b = 1; else set new.b = 2; \
                 end if",
                Kind::Routine,
            ),
            (
                "create trigger t after update on a for each row follows u set new.b = if(1, 2, 3)",
                Kind::Routine,
            ),
            (
                "create event e on schedule every 1 day do begin delete from a; end",
                Kind::Routine,
            ),
            (
                "alter event e on schedule every 1 day do begin delete from a; end",
                Kind::Routine,
            ),
            (
                "create event e on schedule every 1 day do delete from a",
                Kind::Routine,
            ),
            (
                "create procedure p() begin select a.begin, a.case, 1 as case from a; end",
                Kind::Routine,
            ),
            (
                "begin not atomic select 1; begin select 2; end; end",
                Kind::Compound,
            ),
            (
                "begin not atomic select 1; commit; end",
                Kind::CompoundControl,
            ),
            (
                "begin not atomic declare exit handler for sqlexception rollback; select 1; end",
                Kind::CompoundControl,
            ),
            (
                "begin not atomic if a then create table b (c int); end if; end",
                Kind::CompoundControl,
            ),
            (
                "set statement max_statement_time = 1 for begin not atomic commit; end",
                Kind::CompoundControl,
            ),
            (
                "begin not atomic set statement a = 1 for commit; end",
                Kind::CompoundControl,
            ),
            (
                "begin not atomic declare exit handler for not found, sqlstate value '42S01', 1051 set autocommit = 1; \
                 select 1; end",
                Kind::CompoundControl,
            ),
            (
                "begin not atomic declare exit handler for a begin start transaction; end; select 1; end",
                Kind::CompoundControl,
            ),
            (
                "begin not atomic declare continue handler for sqlwarning set a = 1; select 1; end",
                Kind::Compound,
            ),
            (
                "begin not atomic if a then execute immediate 'commit'; end if; end",
                Kind::CompoundControl,
            ),
            (
                "begin not atomic set sql_mode = ''; select 1; end",
                Kind::SetReading,
            ),
            (
                "begin not atomic set sql_mode = ''; commit; end",
                Kind::CompoundControl,
            ),
            ("if 1 then commit; end if", Kind::CompoundControl),
            ("if 1 then select 1; end if", Kind::Compound),
            ("for i in 1..2 do select i; end for", Kind::Compound),
            ("while a do set b = 1; end while", Kind::Compound),
        ],
    );
}

/// Would read on forever, or ever deeper, if one compound statement were read from inside another.
#[test]
fn nesting_costs_no_stack() {
    for unit in [
        "if ",
        "for each ",
        "explain analyze if; ",
        "begin ",
        "case ",
        "set statement for ",
        "(",
        "/*!",
    ] {
        let sql = std::format!("begin not atomic {}", unit.repeat(2_000));
        for dialect in [Postgres, MySql, Sqlite] {
            assert!(statements(&sql, dialect).count() > 0, "{dialect:?}: {unit}");
        }
    }
}

/// Each would take minutes if one statement of a malformed compound were read to its end once for each of the others.
#[test]
fn malformed_compounds_take_linear_time() {
    let start = std::time::Instant::now();
    for unit in [
        "then set a = 1 ",
        "then set statement a = 1 ",
        "then explain analyze set a = 1 ",
        "then execute immediate 'a' ",
        "a: set b = 1 ",
        "/*! then ",
        "/*!50000 a */ ",
    ] {
        for opening in ["begin not atomic ", "create procedure p() begin "] {
            let sql = std::format!("{opening}{}", unit.repeat(50_000));
            assert!(statements(&sql, MySql).count() > 0);
        }
    }
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}
