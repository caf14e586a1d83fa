//! What the statements inside a statement leave on the session: in a block, and in a text that the server runs.

use crate::calls::session_calls;
use crate::compound::{Block, Step};
use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::head;
use crate::kind::Kind;
use crate::leak::{Leak, Leaks};
use crate::lexer::Lexer;
use crate::settings::{self, content};
use crate::split::{Statement, in_literal, statements};
use crate::token::Shape;

impl Statement<'_> {
    /// Returns all that it leaves on the server's session: [`Statement::leak`], and what the statements leave that stand
    /// in it. Those are a `DO` block (PostgreSQL), `BEGIN NOT ATOMIC .. END` and its like, and the literal of
    /// `EXECUTE IMMEDIATE` (MariaDB).
    ///
    /// Not the calls that it shows itself, which [`session_calls`] finds, nor a text that is built on the server.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, Leak, statements};
    ///
    /// let leaks = |sql| statements(sql, Dialect::MySql).next().unwrap().leaks();
    /// assert!(leaks("handler orders open").eq([Leak::Cursor]));
    /// assert!(leaks("execute immediate 'create temporary table t (a int)'").eq([Leak::TemporaryTable]));
    /// assert!(leaks("begin not atomic select 1; set session sql_log_bin = 0; end").eq([Leak::Setting]));
    /// ```
    #[must_use]
    pub fn leaks(&self) -> Leaks {
        let mut leaks = Leaks::default();
        of_statement(self, DEEPEST, &mut leaks);
        leaks
    }
}

/// How often a text in a literal may hold another.
const DEEPEST: usize = 4;

fn of_statement(statement: &Statement<'_>, depth: usize, leaks: &mut Leaks) {
    if let Some(leak) = statement.leak() {
        leaks.add(leak);
    }
    let text = Lexer::new(statement.text, statement.dialect);
    match (statement.kind, statement.dialect) {
        (Kind::Do, Dialect::Postgres) => of_code(text, depth, leaks),
        (Kind::Compound, Dialect::MySql) => of_compound(text, depth, leaks),
        (Kind::Execute, Dialect::MySql) => of_immediate(text, depth, leaks),
        _ => {}
    }
}

/// `DO $$ .. $$ LANGUAGE plpgsql`.
fn of_code(text: Lexer<'_>, depth: usize, leaks: &mut Leaks) {
    for token in text {
        if token.shape == Shape::Text {
            of_block(content(token.text), depth, leaks);
        }
    }
}

/// The statements of a block in PL/pgSQL: those of SQL stand behind a semicolon or one of a few words.
fn of_block(code: &str, depth: usize, leaks: &mut Leaks) {
    for call in session_calls(code, Dialect::Postgres) {
        leaks.add(call.leak);
    }
    if settings::changed(code) == Some(Kind::SetReading) {
        leaks.add(Leak::Setting);
    }
    let mut lexer = Lexer::new(code, Dialect::Postgres);
    let mut at_statement = true;
    let mut declares = false;
    loop {
        let before = lexer;
        let Some(token) = lexer.next() else { return };
        if token.is("declare") {
            declares = true;
        } else if token.is("begin") {
            declares = false;
        }
        if token.is_mark(b';') || token.is_any(&["begin", "declare", "then", "else", "loop"]) {
            at_statement = !declares;
            continue;
        }
        let assigns = |mut behind: Lexer<'_>| {
            behind.accept_mark(b'=') || (behind.accept_mark(b':') && behind.accept_mark(b'='))
        };
        if at_statement && token.shape == Shape::Word && !assigns(lexer) {
            match head::read_simple(before, in_literal).kind {
                Kind::Execute => of_execute(lexer, depth, leaks),
                Kind::SetReading => leaks.add(Leak::Setting),
                kind => {
                    if let Some(leak) = kind.leak(Dialect::Postgres) {
                        leaks.add(leak);
                    }
                }
            }
        }
        // `RETURN QUERY EXECUTE '..'`, `FOR a IN EXECUTE '..' LOOP`.
        if !at_statement && token.is("execute") {
            of_execute(lexer, depth, leaks);
        }
        at_statement = false;
    }
}

/// `EXECUTE 'set role a'`, `EXECUTE format('set role %I', a)`: the literal that comes first.
fn of_execute(mut lexer: Lexer<'_>, depth: usize, leaks: &mut Leaks) {
    while let Some(token) = lexer.next_inside() {
        if token.is_any(&["using", "into", "loop"]) {
            return;
        }
        if token.shape == Shape::Text {
            return of_text(content(token.text), Dialect::Postgres, depth, leaks);
        }
    }
}

/// `BEGIN NOT ATOMIC a; b; END`.
fn of_compound(mut lexer: Lexer<'_>, depth: usize, leaks: &mut Leaks) {
    let mut block = Block::compound();
    loop {
        let before = lexer;
        let Some(token) = lexer.next() else { return };
        match block.step(&token, &mut lexer) {
            Step::Inside => {}
            // What is dropped leaves nothing.
            Step::Statement if token.is("drop") => {}
            Step::Statement => match head::read_simple(before, in_literal).kind {
                Kind::Execute => of_immediate(before, depth, leaks),
                kind => {
                    if let Some(leak) = kind.leak(Dialect::MySql) {
                        leaks.add(leak);
                    }
                }
            },
            Step::Done => return,
        }
    }
}

/// `EXECUTE IMMEDIATE 'a'`.
fn of_immediate(mut lexer: Lexer<'_>, depth: usize, leaks: &mut Leaks) {
    while let Some(token) = lexer.next_inside() {
        if token.is("immediate") {
            head::literal(lexer, &mut |sql| of_text(sql, Dialect::MySql, depth, leaks));
            return;
        }
    }
}

/// A text in a literal.
fn of_text(sql: &str, dialect: Dialect, depth: usize, leaks: &mut Leaks) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    for statement in statements(sql, dialect) {
        match statement.effect() {
            Effect::ChangesReading => leaks.add(Leak::Setting),
            _ => of_statement(&statement, depth, leaks),
        }
    }
    for call in session_calls(sql, dialect) {
        leaks.add(call.leak);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, sql: &str, expected: &[Leak]) {
        let mut all = statements(sql, dialect);
        let statement = all.next().expect("a statement");
        assert_eq!(all.count(), 0, "{sql}");
        assert_eq!(statement.leaks().collect::<Vec<_>>(), expected, "{sql}");
    }

    #[test]
    fn in_a_block_of_postgres() {
        use Leak::{Listener, Lock, PreparedStatement, Setting, TemporaryTable};
        for (sql, expected) in [
            ("do $$ begin set search_path = a; end $$", &[Setting][..]),
            (
                "do $x$ begin set role a; end $x$ language plpgsql",
                &[Setting],
            ),
            ("do language plpgsql 'begin reset all; end'", &[Setting]),
            ("do $$ begin /* a */ listen orders; end $$", &[Listener]),
            ("do $$ begin perform pg_advisory_lock(1); end $$", &[Lock]),
            (
                "do $$ declare a int := set_config('a.b', 'c', false); begin end $$",
                &[Leak::Config],
            ),
            (
                "do 'begin perform set_config(''a.b'', ''c'', false); end'",
                &[Leak::Config],
            ),
            (
                "do $$ begin if a then create temp table t (a int); else listen b; end if; end $$",
                &[Listener, TemporaryTable],
            ),
            (
                "do $$ begin for a in 1..2 loop create temp view v as select 1; end loop; end $$",
                &[TemporaryTable],
            ),
            (
                "do $$ begin execute 'create table pg_temp.t (a int)'; end $$",
                &[TemporaryTable],
            ),
            (
                "do $$ begin execute format('set role %I', a); end $$",
                &[Setting],
            ),
            (
                "do $$ begin execute $q$ select pg_advisory_lock(1) $q$; end $$",
                &[Lock],
            ),
            (
                "do $$ begin exception when others then load 'a'; end $$",
                &[Setting],
            ),
            ("do $$ begin deallocate a; end $$", &[PreparedStatement]),
            (
                "do $$ begin execute 'do $a$ begin listen b; end $a$'; end $$",
                &[Listener],
            ),
            (
                "do $$ begin for a in execute 'select pg_advisory_lock(1)' loop null; end loop; end $$",
                &[Lock],
            ),
            (
                "do $$ begin return query execute 'set role a'; end $$",
                &[Setting],
            ),
            (
                "do $$ begin update pg_settings set setting = '1'; end $$",
                &[Setting],
            ),
            (
                "do $$ begin case a when 1 then reset all; else null; end case; end $$",
                &[Setting],
            ),
            (
                "do $$ begin while a loop set session role b; end loop; end $$",
                &[Setting],
            ),
            (
                "do $$ begin perform dblink_exec('a', 'delete from b'); end $$",
                &[Leak::Foreign],
            ),
            ("do $$ begin copy a to program 'cat'; end $$", &[Leak::File]),
        ] {
            check(Dialect::Postgres, sql, expected);
        }
        for sql in [
            "do $$ begin null; end $$",
            "do $$ begin set local role a; perform set_config('a.b', 'c', true); end $$",
            "do $$ begin create temp table t (a int) on commit drop; end $$",
            "do $$ declare load int; begin load := 1; load = 2; end $$",
            "do $$ begin raise notice 'set role a; listen b'; end $$",
            "do $$ begin -- listen a;\n perform pg_advisory_xact_lock(1); end $$",
            "do $$ begin update a set b = 1; insert into temp values (1); end $$",
            "do $$ begin execute a; raise notice 'listen b'; end $$",
            "do $$ begin execute a using 'listen b'; end $$",
            "do $$ begin execute 'do $a$ begin set local role b; end $a$'; end $$",
        ] {
            check(Dialect::Postgres, sql, &[]);
        }
    }

    #[test]
    fn in_a_compound_statement_and_a_literal() {
        use Leak::{Cursor, Lock, Setting, TemporaryTable};
        for (sql, expected) in [
            (
                "begin not atomic set session sql_log_bin = 0; end",
                &[Setting][..],
            ),
            (
                "begin not atomic create temporary table t (a int); use b; end",
                &[Setting, TemporaryTable],
            ),
            ("if 1 then handler t open; end if", &[Cursor]),
            (
                "set statement max_statement_time = 1 for begin not atomic handler a.b open as c; end",
                &[Cursor],
            ),
            (
                "begin not atomic execute immediate 'handler t open'; end",
                &[Cursor],
            ),
            ("execute immediate 'set time_zone = a'", &[Setting]),
            ("execute immediate \"select get_lock('a', 1)\"", &[Lock]),
            (
                "execute /* now */ immediate 'create ' 'temporary table t (a int)'",
                &[TemporaryTable],
            ),
            (
                "set statement a = 1 for execute immediate 'handler t open'",
                &[Cursor],
            ),
            ("/*! handler t open */", &[Cursor]),
            ("handler /* a */ `a`.`b` /*! open */", &[Cursor]),
        ] {
            check(Dialect::MySql, sql, expected);
        }
        for sql in [
            "begin not atomic select 1; set @a = 1; end",
            "begin not atomic drop temporary table t; end",
            "execute immediate 'select 1'",
            "execute immediate @a",
            "execute p using @immediate",
            "handler t read first",
            "handler open read next",
            "handler t close",
        ] {
            check(Dialect::MySql, sql, &[]);
        }
    }
}
