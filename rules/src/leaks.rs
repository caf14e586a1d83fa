//! SQL that leaves something on the server's session, where the next user of the connection, or of the pooler behind it,
//! finds it.

use demarcate_sql::{Dialect, Kind};

use crate::rule::{self, Rule};

/// The rules that a text breaks, each with what breaks it.
///
/// Whose SQL it is, the tokens do not say, so what counts is what the database does that knows such a statement.
pub(crate) fn find(sql: &str) -> Vec<(&'static Rule, String)> {
    let mut found: Vec<(&'static Rule, String)> = Vec::new();
    let mut add = |rule: &'static Rule, words: String| {
        if !found.iter().any(|(other, _)| other.code == rule.code) {
            found.push((rule, words));
        }
    };
    for statement in demarcate_sql::statements(sql, Dialect::Postgres) {
        let kind = |dialect| {
            demarcate_sql::statements(sql, dialect)
                .find(|other| other.offset == statement.offset)
                .map(|other| other.kind)
        };
        if let (Some(sqlite), Some(mysql)) = (kind(Dialect::Sqlite), kind(Dialect::MySql))
            && let Some(rule) = of_statement(statement.text, statement.kind, sqlite, mysql)
        {
            add(rule, super::sql::first_words(statement.text));
        }
    }
    for (dialect, names) in [
        (
            Dialect::Postgres,
            ["set_config", "advisory_lock"].as_slice(),
        ),
        (Dialect::MySql, &["get_lock"]),
    ] {
        for call in demarcate_sql::session_calls(sql, dialect) {
            let name = call.name.to_ascii_lowercase();
            match names.iter().find(|known| name.contains(**known)) {
                Some(&"set_config") => add(&rule::SESSION_SETTING, format!("{name}(..)")),
                Some(_) => add(&rule::ADVISORY_LOCK, name),
                None => {}
            }
        }
    }
    found
}

/// The rule that a statement breaks, by what each database takes it for.
fn of_statement(text: &str, postgres: Kind, sqlite: Kind, mysql: Kind) -> Option<&'static Rule> {
    // `SET LOCAL` is PostgreSQL's, `SET @a` and `SET STATEMENT` are not.
    let sets = postgres == Kind::SetSession
        && matches!(
            mysql,
            Kind::SetSession | Kind::SetAutocommit | Kind::SetGlobal | Kind::SetReading
        );
    if sets
        || matches!(postgres, Kind::Reset | Kind::Discard | Kind::SetReading)
        || mysql == Kind::Use
        || matches!(sqlite, Kind::SetPragma | Kind::Attach | Kind::Detach)
    {
        return Some(&rule::SESSION_SETTING);
    }
    if matches!(postgres, Kind::Prepare | Kind::Deallocate) || mysql == Kind::Deallocate {
        return Some(&rule::PREPARE_STATEMENT);
    }
    // What is dropped is gone.
    let drops = text
        .get(..4)
        .is_some_and(|word| word.eq_ignore_ascii_case("drop"));
    match postgres {
        Kind::Listen => Some(&rule::LISTEN),
        Kind::DeclareCursorWithHold => Some(&rule::CURSOR_WITH_HOLD),
        Kind::TemporaryOnCommitDrop => None,
        _ if !drops && [postgres, sqlite, mysql].contains(&Kind::Temporary) => {
            Some(&rule::TEMPORARY_TABLE)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(sql: &str) -> Vec<&'static str> {
        find(sql).into_iter().map(|(rule, _)| rule.code).collect()
    }

    #[test]
    fn what_outlives_the_transaction_is_found() {
        for (sql, code) in [
            ("SET search_path TO a", "D040"),
            ("set session statement_timeout = '1s'", "D040"),
            ("set time zone 'UTC'", "D040"),
            ("set role admin", "D040"),
            ("set names utf8mb4", "D040"),
            ("set session sql_mode = ''", "D040"),
            ("reset all", "D040"),
            ("use shop", "D040"),
            ("pragma foreign_keys = off", "D040"),
            ("select set_config('app.user', $1, false)", "D040"),
            // What is bound is not seen.
            ("select set_config($1, $2, $3)", "D040"),
            (
                "update pg_settings set setting = $1 where name = 'work_mem'",
                "D040",
            ),
            ("set local standard_conforming_strings = off", "D040"),
            ("attach 'archive.db' as archive", "D040"),
            ("detach database archive", "D040"),
            ("listen orders", "D041"),
            ("prepare p as select 1", "D042"),
            ("PREPARE p FROM 'select 1'", "D042"),
            ("deallocate all", "D042"),
            ("select pg_advisory_lock($1)", "D043"),
            ("select pg_try_advisory_lock_shared(1, 2)", "D043"),
            ("select get_lock('a', 10)", "D043"),
            ("create temp table t (a int)", "D044"),
            ("create temporary table t as select 1", "D044"),
            ("create table pg_temp.t (a int)", "D044"),
            ("create table if not exists temp.t (a int)", "D044"),
            ("select * into temp t from orders", "D044"),
            (
                "with a as (select 1) select * into temporary table t from a",
                "D044",
            ),
            ("declare c cursor with hold for select 1", "D045"),
            ("select 1; listen a", "D041"),
        ] {
            assert_eq!(codes(sql), [code], "{sql}");
        }
    }

    #[test]
    fn what_ends_with_the_transaction_passes() {
        for sql in [
            "set local search_path to a",
            "set transaction isolation level serializable",
            "set constraints all deferred",
            "set @a = 1",
            "update a set b = 1",
            "select * into temp from orders",
            "insert into temp select 1",
            "load data local infile 'a' into table b",
            "alter table a attach partition b default",
            "pragma defer_foreign_keys = on",
            "pragma table_info(a)",
            "pragma user_version = 3",
            "select set_config('app.user', $1, true)",
            "notify orders, 'a'",
            "unlisten orders",
            "execute p",
            "select pg_advisory_xact_lock(1)",
            "select pg_advisory_unlock(1)",
            "create temp table t (a int) on commit drop",
            "drop temporary table t",
            "declare c cursor for select 1",
            "select 'listen a; set b = 1'",
            "select 1 -- ; reset all",
            "",
        ] {
            assert_eq!(codes(sql), [""; 0], "{sql}");
        }
    }
}
