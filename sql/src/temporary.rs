//! Temporary tables that the first words of a statement do not show.

use crate::dialect::Dialect;
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::scan::any_three;
use crate::token::Token;

/// The kind of a query that stores its rows in a temporary table: PostgreSQL, "SELECT INTO". It has no `ON COMMIT`.
pub(crate) fn filled(sql: &str, kind: Kind) -> Option<Kind> {
    if !matches!(kind, Kind::Select | Kind::With) || !mentions(sql.as_bytes()) {
        return None;
    }
    let mut lexer = Lexer::new(sql, Dialect::Postgres);
    let mut before: Option<Token<'_>> = None;
    while let Some(token) = lexer.next() {
        // `WITH .. INSERT INTO temp` has a table of that name.
        let stores = token.is("into")
            && !before.is_some_and(|before| before.is_any(&["insert", "merge"]))
            && is_temporary(lexer);
        if stores {
            return Some(Kind::Temporary);
        }
        before = Some(token);
    }
    None
}

/// Whether the name that follows is in the schema of temporary tables.
pub(crate) fn is_in_schema(mut lexer: Lexer<'_>) -> bool {
    let Some(first) = lexer.next() else {
        return false;
    };
    match lexer.dialect() {
        Dialect::MySql => false,
        // SQLite takes a string for a name as well.
        Dialect::Sqlite => {
            (first.names("temp") || first.text.eq_ignore_ascii_case("'temp'"))
                && lexer.accept_mark(b'.')
        }
        Dialect::Postgres => {
            // `U&"pg\005ftemp"."t"`
            if first.is("u") && lexer.accept_mark(b'&') {
                let name = lexer.next();
                return name.is_some_and(|name| name.text.contains('\\'))
                    && lexer.accept_mark(b'.');
            }
            if !lexer.accept_mark(b'.') {
                return false;
            }
            // With the database in front.
            names_schema(&first)
                || lexer
                    .next()
                    .is_some_and(|second| names_schema(&second) && lexer.accept_mark(b'.'))
        }
    }
}

/// `pg_temp`, and `pg_temp_3`, which it stands for.
fn names_schema(name: &Token<'_>) -> bool {
    name.identifier().is_some_and(|name| {
        let (first, number) = name.split_at_checked(7).unwrap_or((name, ""));
        first.eq_ignore_ascii_case("pg_temp")
            && (number.is_empty()
                || number
                    .strip_prefix('_')
                    .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit())))
    })
}

/// `[LOCAL | GLOBAL] TEMP[ORARY] [TABLE] name`, and not a table that is called `temp`; or `pg_temp.name`.
fn is_temporary(mut lexer: Lexer<'_>) -> bool {
    lexer.accept_any(&["local", "global"]);
    if lexer.accept_any(&["temp", "temporary"]) {
        return lexer.accept("table")
            || lexer
                .peek()
                .is_some_and(|name| name.identifier().is_some() && !name.is_any(&BEHIND_A_NAME));
    }
    lexer.accept("table");
    is_in_schema(lexer)
}

/// The reserved words that can follow the name of a table there.
const BEHIND_A_NAME: [&str; 13] = [
    "from",
    "where",
    "group",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
];

/// Whether `into` and `temp` are in it, as words or otherwise.
pub(crate) fn mentions(sql: &[u8]) -> bool {
    any_three(sql, may_mention)
        && ["temp", "into"].into_iter().all(|word| {
            sql.windows(word.len())
                .any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
        })
}

/// `emp`, in either case.
pub(crate) fn may_mention(a: u8, b: u8, c: u8) -> bool {
    ((a | 0x20) == b'e') & ((b | 0x20) == b'm') & ((c | 0x20) == b'p')
}

#[cfg(test)]
mod tests {
    use crate::{Dialect, Effect, Kind, find, statements};

    fn kind(sql: &str, dialect: Dialect) -> Kind {
        let kind = statements(sql, dialect).next().expect("a statement").kind;
        // The quick look of the guard sees the same.
        let leaks = find(sql, dialect, Effect::leaks_to_session).is_some();
        assert_eq!(leaks, kind.effect(dialect).leaks_to_session(), "{sql}");
        kind
    }

    #[test]
    fn a_query_that_fills_a_temporary_table() {
        for sql in [
            "select * into temp t from a",
            "SELECT a, b INTO TEMPORARY TABLE t FROM c",
            "select 1 as a into local temp \"t\"",
            "with a as (select 1) select * into /* quick */ temp t from a;",
            "select * into pg_temp.t from a",
            "select * into table pg_temp.t from a",
        ] {
            assert_eq!(kind(sql, Dialect::Postgres), Kind::Temporary, "{sql}");
            assert_ne!(kind(sql, Dialect::MySql), Kind::Temporary, "{sql}");
        }
    }

    #[test]
    fn a_table_of_that_name_is_another_matter() {
        for sql in [
            "select * into t from a",
            "select * into temp from a",
            "select 'into temp t' from a",
            "select * from temp where into_it",
            "with a as (select 1) insert into temp (a) select 1",
            "insert into temp select 1",
            "merge into temp t using a on true when matched then delete",
            "select * into unlogged t from temp",
        ] {
            assert_ne!(kind(sql, Dialect::Postgres), Kind::Temporary, "{sql}");
        }
    }

    #[test]
    fn a_table_in_their_schema() {
        use Dialect::{MySql, Postgres, Sqlite};
        for (sql, dialect, expected) in [
            ("create table pg_temp.t (a int)", Postgres, Kind::Temporary),
            (
                "create unlogged table if not exists \"pg_temp\".t (a int)",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create view pg_temp.v as select 1",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create table pg_temp.t (a int) on commit drop",
                Postgres,
                Kind::TemporaryOnCommitDrop,
            ),
            (
                "create table if not exists temp.t (a)",
                Sqlite,
                Kind::Temporary,
            ),
            (
                "create or replace function pg_temp.f() returns int begin atomic select 1; end",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create procedure pg_temp . p() as $$ $$ language sql",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create aggregate pg_temp.a (int) (sfunc = b, stype = int)",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create sequence if not exists pg_temp.s",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create type pg_temp.t as (a int)",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create domain /* a */ pg_temp.d as int",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create text search configuration pg_temp.c (copy = english)",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create operator pg_temp.+ (function = f)",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create foreign table pg_temp.t () server s",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create table shop.pg_temp.t (a int)",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create table pg_temp_3.t (a int)",
                Postgres,
                Kind::Temporary,
            ),
            (
                "create table U&\"pg\\005ftemp\".t (a int)",
                Postgres,
                Kind::Temporary,
            ),
            ("create table 'temp'.t (a)", Sqlite, Kind::Temporary),
            ("create view [temp].v as select 1", Sqlite, Kind::Temporary),
            (
                "create virtual table temp.t using fts5(a)",
                Sqlite,
                Kind::Temporary,
            ),
            (
                "create trigger if not exists temp.t after insert on main.a begin delete from b; end",
                Sqlite,
                Kind::Temporary,
            ),
            ("create index i on pg_temp.t (a)", Postgres, Kind::Ddl),
            ("create table pg_temperature.t (a int)", Postgres, Kind::Ddl),
            ("create table pg_temp_a.t (a int)", Postgres, Kind::Ddl),
            (
                "create function f() returns int return 1",
                Postgres,
                Kind::Routine,
            ),
            (
                "create trigger t after insert on a begin delete from temp.b; end",
                Sqlite,
                Kind::Routine,
            ),
            ("create table temp.t (a int)", Postgres, Kind::Ddl),
            ("create table temp.t (a int)", MySql, Kind::Ddl),
            ("create table pg_temp (a int)", Postgres, Kind::Ddl),
        ] {
            assert_eq!(kind(sql, dialect), expected, "{sql}");
        }
    }
}
