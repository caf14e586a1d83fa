//! Judges a text of SQL: the rules that it breaks, on the database of the session, or on each of which it may be.

use demarcate_sql::{
    Breach, Dialect, Effect, Kind as StatementKind, Leak, Refusal, is_word_at, refusals, sleeps,
    statements,
};
use proc_macro2::TokenStream;
use syn::Ident;

use crate::kind::Kind;
use crate::rule::{self, Rule};

const DIALECTS: [Dialect; 3] = [Dialect::Postgres, Dialect::MySql, Dialect::Sqlite];

/// A rule that a text breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) rule: &'static Rule,
    /// The words that break it.
    pub(crate) words: String,
    /// Where it begins in the text, in bytes.
    pub(crate) offset: usize,
    pub(crate) on: On,
}

/// The databases on which a text breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum On {
    /// Whichever it is.
    Any,
    /// Whichever it is, or the one that is known; and what is said there.
    Known(Breach, Dialect),
    /// This one. Whether it is that of the session, the compiler knows.
    If(Breach, Dialect),
}

/// A text that a session must not send if it is one of a certain database, which the compiler is asked.
pub struct Doubtful {
    /// The rule that it breaks there.
    pub rule: &'static Rule,
    /// The function of the runtime that asks, without its module.
    pub question: &'static str,
    /// The marker of the database, as the runtime calls it.
    pub database: &'static str,
    /// The text as it stands in the source.
    pub on: TokenStream,
    /// The session that it is visibly sent on.
    pub session: Option<Ident>,
}

impl Doubtful {
    pub(crate) fn new(
        breach: Breach,
        dialect: Dialect,
        on: TokenStream,
        session: Option<Ident>,
    ) -> Self {
        Self {
            rule: rule_of(breach),
            question: question(breach, dialect),
            database: match dialect {
                Dialect::Postgres => "OnPostgres",
                Dialect::MySql => "OnMySql",
                Dialect::Sqlite => "OnSqlite",
            },
            on,
            session,
        }
    }
}

/// Returns the rules that a text breaks on a session of that database, or, where it is not known, on each that it may be.
pub(crate) fn judge(sql: &str, database: Option<Dialect>) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut add = |finding: Finding| {
        let is_told = |other: &Finding| {
            let is_same_place = match (other.on, finding.on) {
                (On::If(_, one), On::If(_, other)) => one == other,
                (On::If(..), _) | (_, On::If(..)) => false,
                _ => true,
            };
            other.rule == finding.rule && is_same_place
        };
        if !found.iter().any(is_told) {
            found.push(finding);
        }
    };
    for dialect in DIALECTS {
        if database.is_some_and(|known| known != dialect) {
            continue;
        }
        for refusal in refusals(sql, dialect) {
            let Refusal { breach, .. } = refusal;
            let on = match database {
                Some(_) => On::Known(breach, dialect),
                None if is_unanimous(sql, &refusal, dialect) => said_of_any(breach, dialect),
                None => On::If(breach, dialect),
            };
            add(Finding {
                rule: rule_of(breach),
                words: words(&refusal),
                offset: refusal.offset,
                on,
            });
        }
    }
    found
}

/// Returns what a text does that only waits, on the database that is known, or on some.
pub(crate) fn waits(sql: &str, database: Option<Dialect>) -> Option<Finding> {
    let name = match database {
        Some(dialect) => sleeps(sql, dialect),
        None => DIALECTS
            .into_iter()
            .find_map(|dialect| sleeps(sql, dialect)),
    }?;
    Some(Finding {
        rule: &rule::SLEEP,
        words: format!("{}(..)", name.to_ascii_lowercase()),
        offset: 0,
        on: On::Any,
    })
}

/// Returns the rule against a breach. The statement guard has the same match, with the codes.
pub(crate) fn rule_of(breach: Breach) -> &'static Rule {
    match breach {
        Breach::Guarded(Effect::ChangesReading) => &rule::SESSION_SETTING,
        Breach::Guarded(Effect::NeedsConnection) => &rule::UNGUARDED,
        Breach::Guarded(_) | Breach::Nul => &rule::TRANSACTION_SQL,
        Breach::Leaves(
            Leak::Setting | Leak::Config | Leak::Variable | Leak::Foreign | Leak::File,
        ) => &rule::SESSION_SETTING,
        Breach::Leaves(Leak::Listener) => &rule::LISTEN,
        Breach::Leaves(Leak::PreparedStatement) => &rule::PREPARE_STATEMENT,
        Breach::Leaves(Leak::Lock) => &rule::ADVISORY_LOCK,
        Breach::Leaves(Leak::TemporaryTable) => &rule::TEMPORARY_TABLE,
        Breach::Leaves(Leak::Cursor) => &rule::CURSOR_WITH_HOLD,
    }
}

/// What is said where every database refuses. The rule's own text names each of them; where it speaks of other statements,
/// the reason is given.
fn said_of_any(breach: Breach, dialect: Dialect) -> On {
    match breach {
        Breach::Guarded(
            Effect::Characteristics
            | Effect::ChangesReading
            | Effect::NeedsConnection
            | Effect::RollsBackOnConflict,
        )
        | Breach::Leaves(Leak::Config | Leak::Variable | Leak::Foreign | Leak::File) => {
            On::Known(breach, dialect)
        }
        _ => On::Any,
    }
}

/// The message about a text that a session does not send, with the reason on the database at hand.
pub(crate) fn said(breach: Breach, dialect: Dialect, kind: Kind, what: &str) -> String {
    let code = rule_of(breach).code;
    let help = match breach {
        Breach::Leaves(_) => format!(
            "where it has to be, write `allow({code}, reason = \"..\")`, and the connection is closed or reset after the \
             boundary"
        ),
        _ => "the statement guard refuses it at run time, whatever is allowed".to_owned(),
    };
    format!(
        "{code}: a {} does not send `{what}`: {}\nhelp: {help}",
        kind.noun(),
        breach.reason(dialect)
    )
}

/// Whether the other databases refuse it by the same rule, or know no such statement.
///
/// DDL is left to them: what one commits for, another may run under a word that is not listed here.
fn is_unanimous(sql: &str, refusal: &Refusal<'_>, dialect: Dialect) -> bool {
    DIALECTS
        .iter()
        .filter(|other| **other != dialect)
        .all(|other| refuses(sql, refusal, *other) || knows_none(sql, refusal, *other))
}

fn refuses(sql: &str, refusal: &Refusal<'_>, dialect: Dialect) -> bool {
    refusals(sql, dialect).any(|other| {
        other.offset == refusal.offset && rule_of(other.breach) == rule_of(refusal.breach)
    })
}

fn knows_none(sql: &str, refusal: &Refusal<'_>, dialect: Dialect) -> bool {
    match refusal.breach {
        Breach::Guarded(Effect::ImplicitCommit | Effect::Ambiguous) | Breach::Nul => false,
        _ if refusal.is_call => {
            !may_be_own(refusal.text) && is_word_at(sql, refusal.offset, dialect)
        }
        breach => statements(sql, dialect)
            .find(|other| other.offset == refusal.offset)
            .is_some_and(|other| {
                other.kind == StatementKind::Other
                    // No other database has `INSERT OR`, `ON CONFLICT ROLLBACK` or `RAISE(ROLLBACK, ..)`.
                    || breach == Breach::Guarded(Effect::RollsBackOnConflict)
            }),
    }
}

/// Whether a function of that name may as well be the user's own, on a database that has none.
fn may_be_own(name: &str) -> bool {
    const NAMES: [&str; 7] = [
        "get_lock",
        // A table of PostgreSQL's `SELECT INTO`.
        "into dumpfile",
        "into outfile",
        "lo_export",
        "release_lock",
        "set_limit",
        "setseed",
    ];
    NAMES.iter().any(|word| name.eq_ignore_ascii_case(word))
}

/// The words that break a rule.
fn words(refusal: &Refusal<'_>) -> String {
    match refusal.breach {
        Breach::Nul => first_words(refusal.text).escape_debug().to_string(),
        Breach::Leaves(Leak::Lock) if refusal.is_call => refusal.text.to_ascii_lowercase(),
        Breach::Leaves(Leak::Variable) if refusal.is_call => refusal.text.to_owned(),
        Breach::Leaves(Leak::File) if refusal.is_call && refusal.text.contains(' ') => {
            format!("{} ..", refusal.text.to_ascii_lowercase())
        }
        _ if refusal.is_call => format!("{}(..)", refusal.text.to_ascii_lowercase()),
        _ => first_words(refusal.text),
    }
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

/// Returns the function of the runtime that asks the compiler whether the session is one of the database on which a text
/// has that breach: one for each reason (`runtime/src/macro_support/texts.rs`).
#[must_use]
pub fn question(breach: Breach, dialect: Dialect) -> &'static str {
    use Dialect::{MySql, Postgres, Sqlite};
    match (breach, dialect) {
        (Breach::Guarded(effect), dialect) => match (effect, dialect) {
            (Effect::Begins, _) => "sql_begins",
            (Effect::Commits, _) => "sql_commits",
            (Effect::RollsBack, _) => "sql_rolls_back",
            (Effect::Nests, _) => "sql_nests",
            (Effect::TwoPhase, _) => "sql_ends_in_two_phases",
            (Effect::Characteristics, Sqlite) => "sql_sets_access_mode",
            (Effect::Characteristics, _) => "sql_sets_isolation",
            (Effect::RollsBackOnConflict, _) => "sql_rolls_back_on_conflict",
            (Effect::ChangesReading, _) => "sql_changes_reading",
            (Effect::NeedsConnection, _) => "sql_copies",
            (Effect::Ambiguous, MySql) => "sql_is_ambiguous_on_mysql",
            (Effect::Ambiguous, _) => "sql_is_ambiguous",
            _ => "sql_commits_implicitly",
        },
        (Breach::Leaves(Leak::Setting), Postgres) => "sql_leaves_setting_on_postgres",
        (Breach::Leaves(Leak::Setting), MySql) => "sql_leaves_setting_on_mysql",
        (Breach::Leaves(Leak::Setting), Sqlite) => "sql_leaves_setting_on_sqlite",
        (Breach::Leaves(Leak::Listener), _) => "sql_leaves_listener",
        (Breach::Leaves(Leak::PreparedStatement), Postgres) => "sql_leaves_statement_on_postgres",
        (Breach::Leaves(Leak::PreparedStatement), _) => "sql_leaves_statement",
        (Breach::Leaves(Leak::Lock), MySql) => "sql_leaves_lock_on_mysql",
        (Breach::Leaves(Leak::Lock), _) => "sql_leaves_lock_on_postgres",
        (Breach::Leaves(Leak::TemporaryTable), Postgres) => "sql_leaves_table_on_postgres",
        (Breach::Leaves(Leak::TemporaryTable), _) => "sql_leaves_table",
        (Breach::Leaves(Leak::Cursor), MySql) => "sql_leaves_cursor_on_mysql",
        (Breach::Leaves(Leak::Cursor), _) => "sql_leaves_cursor_on_postgres",
        (Breach::Leaves(Leak::Foreign), _) => "sql_leaves_foreign",
        (Breach::Leaves(Leak::Config), _) => "sql_leaves_config",
        (Breach::Leaves(Leak::Variable), _) => "sql_leaves_variable",
        (Breach::Leaves(Leak::File), Postgres) => "sql_leaves_file_on_postgres",
        (Breach::Leaves(Leak::File), _) => "sql_leaves_file",
        (Breach::Nul, _) => "sql_holds_nul",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of the rules that a text breaks, on that database or, without one, on some.
    fn codes(sql: &str, database: Option<Dialect>) -> Vec<&'static str> {
        judge(sql, database)
            .into_iter()
            .map(|finding| finding.rule.code)
            .collect()
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
            ("set @a = ?", "D040"),
            ("select @a := ?", "D040"),
            ("select 1 into outfile '/tmp/a'", "D040"),
            ("copy a to program 'cat'", "D040"),
            ("copy (select 1) to '/tmp/a'", "D040"),
            (
                "select * from dblink('a', 'delete from b returning c') as t (c int)",
                "D040",
            ),
            ("create table a (b int unique on conflict rollback)", "D013"),
            (
                "create trigger t before update on a begin select raise(rollback, 'b'); end",
                "D013",
            ),
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
            assert!(codes(sql, None).contains(&code), "{sql}");
        }
    }

    #[test]
    fn what_ends_with_the_transaction_passes() {
        use Dialect::{MySql, Postgres, Sqlite};
        for (dialect, sql) in [
            (Postgres, "set local search_path to a"),
            (Postgres, "set constraints all deferred"),
            (MySql, "update a set b = 1"),
            (Postgres, "select * into temp from orders"),
            (Postgres, "insert into temp select 1"),
            (MySql, "load data local infile 'a' into table b"),
            (Postgres, "alter table a attach partition b default"),
            (Sqlite, "pragma defer_foreign_keys = on"),
            (Sqlite, "pragma table_info(a)"),
            (Sqlite, "pragma user_version = 3"),
            (Postgres, "select set_config('app.user', $1, true)"),
            (Postgres, "select set_config('a', $1, is_local => true)"),
            (
                Postgres,
                "select * from dblink('a', 'select 1') as t (b int)",
            ),
            (Postgres, "copy a from '/tmp/a'"),
            (Postgres, "select * into outfile from a"),
            (MySql, "set @a = 1"),
            (MySql, "select @a := @a + 1, @@sql_mode"),
            (Sqlite, "create table a (b int unique on conflict ignore)"),
            (Postgres, "notify orders, 'a'"),
            (Postgres, "unlisten orders"),
            (Postgres, "execute p"),
            (Postgres, "select pg_advisory_xact_lock(1)"),
            (Postgres, "create temp table t (a int) on commit drop"),
            (MySql, "drop temporary table t"),
            (Postgres, "declare c cursor for select 1"),
            (MySql, "handler t read first"),
            (Postgres, "do $$ begin set local role a; end $$"),
            (Postgres, "create table a (b int)"),
            (Sqlite, "create table a (b int)"),
            (Postgres, "select get_lock('a')"),
            (Sqlite, "select setseed(1)"),
        ] {
            assert_eq!(codes(sql, Some(dialect)), [""; 0], "{sql}");
            // Nor is it refused before the compiler was asked for the database.
            let refused = judge(sql, None)
                .into_iter()
                .filter(|finding| !matches!(finding.on, On::If(..)));
            assert_eq!(refused.count(), 0, "{sql}");
        }
        for sql in [
            "select 'listen a; set b = 1'",
            "select 1 -- ; reset all",
            "",
        ] {
            assert_eq!(codes(sql, None), [""; 0], "{sql}");
        }
    }

    /// The question of each database that refuses, where not all do.
    #[test]
    fn what_some_refuse_is_asked_about() {
        let asked = |sql| {
            judge(sql, None)
                .into_iter()
                .map(|finding| match finding.on {
                    On::If(breach, dialect) => format!("{dialect:?} {}", question(breach, dialect)),
                    _ => finding.rule.code.to_owned(),
                })
                .collect::<Vec<_>>()
        };
        for (sql, expected) in [
            (
                "create table a (b int)",
                &["MySql sql_commits_implicitly"][..],
            ),
            ("lock tables a write", &["MySql sql_commits_implicitly"]),
            (
                "set local search_path = a",
                &["MySql sql_leaves_setting_on_mysql"],
            ),
            (
                "set autocommit = 1",
                &[
                    "Postgres sql_leaves_setting_on_postgres",
                    "MySql sql_commits_implicitly",
                ],
            ),
            (
                "select get_lock('a', 1)",
                &["MySql sql_leaves_lock_on_mysql"],
            ),
            (
                "select setseed(0.5)",
                &["Postgres sql_leaves_setting_on_postgres"],
            ),
            (
                "select 1 /*! ; commit */",
                &["MySql sql_is_ambiguous_on_mysql"],
            ),
            (
                "select 1 # ; commit",
                &["Postgres sql_commits", "Sqlite sql_commits"],
            ),
            (
                "select $$ ; commit; $$",
                &["MySql sql_commits", "Sqlite sql_commits"],
            ),
            (
                "/* /* */ commit; -- */ select 1",
                &["MySql sql_commits", "Sqlite sql_commits"],
            ),
            ("select 1;\0", &["Sqlite sql_holds_nul"]),
            ("copy a from stdin", &["D024"]),
            ("set transaction read only", &["D013"]),
            ("select dblink_exec('a', 'b')", &["D040"]),
            ("commit", &["D013"]),
            ("select a from b where c = $1", &[]),
            ("insert into a (b) values (?)", &[]),
        ] {
            assert_eq!(asked(sql), expected, "{sql}");
        }
    }
}
