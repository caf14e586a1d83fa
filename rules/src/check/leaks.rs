//! SQL that leaves something on the server's session, where the next user of the connection, or of the pooler behind it,
//! finds it.

use demarcate_sql::{Dialect, Effect, Kind, Leak, Statement, session_calls, statements};

use crate::rule::{self, Rule};

/// Returns the rules that a text breaks, each with the words that break it.
///
/// The tokens do not say which database the text is for, so a statement counts if it leaks on the database that knows
/// such a statement.
pub(crate) fn find(sql: &str) -> Vec<(&'static Rule, String)> {
    let mut found: Vec<(&'static Rule, String)> = Vec::new();
    let mut add = |leak: Leak, words: String| {
        let rule = rule_of_leak(leak);
        if !found.iter().any(|(other, _)| other.code == rule.code) {
            found.push((rule, words));
        }
    };
    for postgres in statements(sql, Dialect::Postgres) {
        let alike =
            |dialect| statements(sql, dialect).find(|other| other.offset == postgres.offset);
        if let (Some(sqlite), Some(mysql)) = (alike(Dialect::Sqlite), alike(Dialect::MySql)) {
            for leak in leaks_on_any(postgres, sqlite, mysql) {
                add(leak, first_words(postgres.text));
            }
        }
    }
    for dialect in [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite] {
        for call in session_calls(sql, dialect) {
            let name = call.name.to_ascii_lowercase();
            let words = match call.leak {
                Leak::Lock => name,
                _ => format!("{name}(..)"),
            };
            add(call.leak, words);
        }
    }
    found
}

/// Returns the rule against a leak. The statement guard has the same match, with the reasons that its error gives.
fn rule_of_leak(leak: Leak) -> &'static Rule {
    match leak {
        Leak::Setting => &rule::SESSION_SETTING,
        Leak::Listener => &rule::LISTEN,
        Leak::PreparedStatement => &rule::PREPARE_STATEMENT,
        Leak::Lock => &rule::ADVISORY_LOCK,
        Leak::TemporaryTable => &rule::TEMPORARY_TABLE,
        Leak::Cursor => &rule::CURSOR_WITH_HOLD,
    }
}

/// Returns what a statement leaves on the session of the first database that it leaves something on, given how each of them
/// reads it.
fn leaks_on_any(postgres: Statement<'_>, sqlite: Statement<'_>, mysql: Statement<'_>) -> Vec<Leak> {
    let ends_with_the_transaction = match postgres.kind {
        // `SET LOCAL`, `SET CONSTRAINTS`, `SET TRANSACTION`, `ON COMMIT DROP`: what they end with is PostgreSQL's own.
        Kind::SetLocal
        | Kind::SetConstraints
        | Kind::SetTransaction
        | Kind::TemporaryOnCommitDrop => true,
        // `SET @a`, `SET STATEMENT a = 1 FOR ..` and the like are MySQL's own.
        Kind::SetSession => !matches!(
            mysql.kind,
            Kind::SetSession | Kind::SetAutocommit | Kind::SetGlobal | Kind::SetReading
        ),
        // So is `LOAD DATA`.
        Kind::Load => mysql.kind != Kind::Other,
        _ => false,
    };
    if ends_with_the_transaction {
        return Vec::new();
    }
    let leaks = |statement: Statement<'_>| match statement.effect() {
        Effect::ChangesReading => vec![Leak::Setting],
        _ => statement.leaks().collect(),
    };
    [postgres, sqlite, mysql]
        .into_iter()
        .map(leaks)
        .find(|leaks| !leaks.is_empty())
        .unwrap_or_default()
}

/// Returns enough of a statement to find it by.
pub(crate) fn first_words(statement: &str) -> String {
    const LONGEST: usize = 40;
    let words = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.chars().count() <= LONGEST {
        return words;
    }
    words.chars().take(LONGEST).chain("..".chars()).collect()
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
            // The value of a parameter is not seen.
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
            ("select pg_advisory_unlock(1)", "D043"),
            ("select release_all_locks()", "D043"),
            ("select setseed(0.5)", "D040"),
            ("select dblink_connect('a', 'dbname=b')", "D040"),
            ("select * from pg_backup_start('a')", "D040"),
            ("select load_extension('a')", "D040"),
            ("load 'auto_explain'", "D040"),
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
            ("handler t open", "D045"),
            ("execute immediate 'handler t open'", "D045"),
            ("do $$ begin set role a; end $$", "D040"),
            ("create function pg_temp.f() returns int return 1", "D044"),
            (
                "create trigger temp.t after insert on a begin delete from b; end",
                "D044",
            ),
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
            "create temp table t (a int) on commit drop",
            "drop temporary table t",
            "declare c cursor for select 1",
            "handler t read first",
            "do $$ begin set local role a; end $$",
            "select 'listen a; set b = 1'",
            "select 1 -- ; reset all",
            "",
        ] {
            assert_eq!(codes(sql), [""; 0], "{sql}");
        }
    }
}
