//! Checks the text of a statement before it is sent.
//!
//! The guard covers SQL that is built at run time, which the compile-time rules cannot see. It refuses statements
//! that would end, nest, escape or outlive the transaction, under the codes of the corresponding compile-time rules.

use demarcate_sql::{Dialect, Effect, Kind, Leak, is_plain, is_single, session_calls, statements};

use crate::error::Error;
use crate::scope::place::ErrorContext;

/// The reason for which a statement is not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The code of the rule.
    pub(crate) rule: &'static str,
    /// The first words of the statement, without any value.
    pub(crate) statement: String,
    /// Why it is refused, and what to write instead.
    pub(crate) reason: &'static str,
}

impl Refusal {
    pub(crate) fn to_error(&self, place: ErrorContext) -> Error {
        Error::Forbidden {
            place,
            rule: self.rule,
            statement: self.statement.clone(),
            reason: self.reason,
        }
    }
}

/// The effects of a text that may be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Whether it runs code that the text does not show and that may commit: CALL, and statements prepared on the
    /// server. Only MySQL allows such code to commit inside a transaction.
    pub(crate) is_opaque: bool,
    /// Whether it leaves state on the server's session, which a lifted rule permits.
    pub(crate) leaves_state: bool,
    /// Whether it changes the schema, or may, since it runs code that the text does not show. What is cached of earlier
    /// statements may no longer fit. On SQLite `ANALYZE`, `REINDEX`, `VACUUM`, `ATTACH`, a `PRAGMA` that changes the
    /// connection and writes to `sqlite_schema` count as well.
    pub(crate) changes_schema: bool,
    /// Whether it is exactly one statement. Comments, and semicolons at its end, do not count; an empty text is none.
    pub(crate) is_single: bool,
}

impl Passed {
    /// One `SELECT`, `INSERT`, `UPDATE` or `DELETE` and nothing else.
    const PLAIN: Self = Self {
        is_opaque: false,
        leaves_state: false,
        changes_schema: false,
        is_single: true,
    };
}

/// The rules that `allow(..)` has lifted for a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allowed(Vec<&'static str>);

impl Allowed {
    pub(crate) fn insert(&mut self, rule: &'static str) {
        if !self.contains(rule) {
            self.0.push(rule);
        }
    }

    fn contains(&self, rule: &str) -> bool {
        self.0.contains(&rule)
    }
}

/// Checks a text that is about to be sent. A plain text, the usual case, is scanned once.
pub(crate) fn read(sql: &str, dialect: Dialect, allowed: &Allowed) -> Result<Passed, Refusal> {
    if is_plain(sql, dialect) {
        return Ok(Passed::PLAIN);
    }
    // A NUL makes the driver's worker thread hang.
    if dialect == Dialect::Sqlite && sql.contains('\0') {
        return Err(Refusal {
            rule: TRANSACTION_SQL,
            statement: head(sql),
            reason: "SQLite's text ends at a NUL; remove it, or bind it as a value",
        });
    }
    let mut passed = Passed::default();
    if demarcate_sql::find_kind(sql, dialect, |kind| is_of_interest(kind, dialect)).is_some() {
        passed = read_each(sql, dialect, allowed)?;
    }
    passed.leaves_state |= read_calls(sql, dialect, allowed)?;
    passed.is_single = is_single(sql, dialect);
    Ok(passed)
}

/// Checks the text of a COPY before it is sent: one statement of this kind, and no other.
#[cfg(feature = "postgres")]
pub(crate) fn read_copy(sql: &str, kind: Kind, allowed: &Allowed) -> Result<Passed, Refusal> {
    let dialect = Dialect::Postgres;
    let mut kinds = statements(sql, dialect).map(|statement| statement.kind);
    if (kinds.next(), kinds.next()) != (Some(kind), None) {
        return Err(Refusal {
            rule: UNGUARDED,
            statement: head(sql),
            reason: match kind {
                Kind::CopyFromStdin => "`copy_in` runs one statement, `COPY .. FROM STDIN`",
                _ => "`copy_out` runs one statement, `COPY .. TO STDOUT`",
            },
        });
    }
    Ok(Passed {
        leaves_state: read_calls(sql, dialect, allowed)?,
        ..Passed::PLAIN
    })
}

const TRANSACTION_SQL: &str = "D013";
const UNGUARDED: &str = "D024";
const SESSION_SETTING: &str = "D040";
const LISTEN: &str = "D041";
const PREPARE_STATEMENT: &str = "D042";
const ADVISORY_LOCK: &str = "D043";
const TEMPORARY_TABLE: &str = "D044";
const CURSOR_WITH_HOLD: &str = "D045";

fn is_of_interest(kind: Kind, dialect: Dialect) -> bool {
    let effect = kind.effect(dialect);
    effect.is_guarded()
        || effect.leaks_to_session()
        || effect == Effect::Opaque
        || kind.may_change_schema(dialect)
}

fn read_each(sql: &str, dialect: Dialect, allowed: &Allowed) -> Result<Passed, Refusal> {
    let mut passed = Passed::default();
    for statement in statements(sql, dialect) {
        let effect = statement.effect();
        let refuse = |rule, reason| Refusal {
            rule,
            statement: head(statement.text),
            reason,
        };
        if effect.is_guarded() {
            return Err(refuse(rule(effect), reason(effect, dialect)));
        }
        for leak in statement.leaks() {
            let rule = rule_of_leak(leak);
            if !allowed.contains(rule) {
                return Err(refuse(rule, reason_of_leak(leak, dialect)));
            }
            passed.leaves_state = true;
        }
        passed.is_opaque |= effect == Effect::Opaque;
        passed.changes_schema |= statement.changes_schema();
    }
    Ok(passed)
}

/// Returns whether the text calls functions that leave state on the server's session, and refuses it if no lifted rule
/// permits that.
fn read_calls(sql: &str, dialect: Dialect, allowed: &Allowed) -> Result<bool, Refusal> {
    let mut any = false;
    for call in session_calls(sql, dialect) {
        let rule = rule_of_leak(call.leak);
        if !allowed.contains(rule) {
            return Err(Refusal {
                rule,
                statement: call.name.to_owned(),
                reason: reason_of_leak(call.leak, dialect),
            });
        }
        any = true;
    }
    Ok(any)
}

/// Returns the code of the rule against a leak.
fn rule_of_leak(leak: Leak) -> &'static str {
    match leak {
        Leak::Setting => SESSION_SETTING,
        Leak::Listener => LISTEN,
        Leak::PreparedStatement => PREPARE_STATEMENT,
        Leak::Lock => ADVISORY_LOCK,
        Leak::TemporaryTable => TEMPORARY_TABLE,
        Leak::Cursor => CURSOR_WITH_HOLD,
    }
}

/// Returns why a statement that leaves something on the session is refused, and what to write instead on that database.
fn reason_of_leak(leak: Leak, dialect: Dialect) -> &'static str {
    use Dialect::{MySql, Postgres, Sqlite};
    match (leak, dialect) {
        (Leak::Setting, Postgres) => {
            "the setting outlives the transaction, and reaches the next user of the connection; write `SET LOCAL`, or \
             set it where the connection is opened"
        }
        (Leak::Setting, MySql) => {
            "the setting outlives the transaction, and reaches the next user of the connection; set it where the \
             connection is opened, or for one statement: `SET STATEMENT .. FOR` (MariaDB), the hint `SET_VAR` (MySQL)"
        }
        (Leak::Setting, Sqlite) => {
            "it stays on the connection after the transaction, and reaches the next user of the connection; set it \
             where the connection is opened"
        }
        (Leak::Listener, Postgres) => {
            "it outlives the transaction, and reaches the next user of the connection; listen with sqlx's \
             `PgListener`, which has a connection of its own"
        }
        (Leak::Listener, MySql | Sqlite) => {
            "it outlives the transaction, and reaches the next user of the connection; listen on a connection of its \
             own"
        }
        (Leak::PreparedStatement, Postgres) => {
            "it outlives the transaction, and behind a pooler it is lost or belongs to another client; sqlx prepares \
             statements by itself"
        }
        (Leak::PreparedStatement, MySql | Sqlite) => {
            "it outlives the transaction, and the next user of the connection finds its name taken; sqlx prepares \
             statements by itself"
        }
        (Leak::Lock, Postgres) => {
            "a session lock outlives the transaction, and passes to the next user of the connection; take \
             `pg_advisory_xact_lock`, or lock a row"
        }
        (Leak::Lock, MySql) => {
            "a session lock outlives the transaction, and passes to the next user of the connection; lock a row with \
             `SELECT .. FOR UPDATE`"
        }
        (Leak::Lock, Sqlite) => {
            "a session lock outlives the transaction, and passes to the next user of the connection; the transaction \
             itself keeps other writers out"
        }
        (Leak::TemporaryTable, Postgres) => {
            "it outlives the transaction, and reaches the next user of the connection; write `ON COMMIT DROP` for a \
             table, and for anything else a common table expression or a plain object"
        }
        (Leak::TemporaryTable, MySql | Sqlite) => {
            "it outlives the transaction, and reaches the next user of the connection; write a common table \
             expression, or use a plain table"
        }
        (Leak::Cursor, Postgres) => {
            "it outlives the transaction, and holds its rows on the server; leave out `WITH HOLD`, or fetch the rows \
             as a stream"
        }
        (Leak::Cursor, MySql) => {
            "it stays open after the transaction, and blocks changes of the table; write a `SELECT`, and fetch the \
             rows as a stream"
        }
        (Leak::Cursor, Sqlite) => {
            "it stays open after the transaction; write a `SELECT`, and fetch the rows as a stream"
        }
    }
}

/// Returns the code of the rule against a guarded effect.
fn rule(effect: Effect) -> &'static str {
    match effect {
        Effect::ChangesReading => SESSION_SETTING,
        Effect::NeedsConnection => UNGUARDED,
        _ => TRANSACTION_SQL,
    }
}

/// Returns why a statement with a guarded effect is refused, and what to write instead on that database.
fn reason(effect: Effect, dialect: Dialect) -> &'static str {
    match effect {
        Effect::Begins => {
            "the transaction is already begun, by the boundary that lent the session; give a part of it a scope of \
             its own with `tx.savepoint(..)`"
        }
        Effect::Commits => {
            "only the boundary that lent the session commits, when its body returns `Ok`"
        }
        Effect::RollsBack => {
            "only the boundary that lent the session rolls back, when its body returns `Err`"
        }
        Effect::Nests => "savepoints are made, released and rolled back by `tx.savepoint(..)`",
        Effect::TwoPhase => {
            "a two-phase commit takes the transaction from the boundary that lent the session"
        }
        // SQLite has one isolation level.
        Effect::Characteristics if dialect == Dialect::Sqlite => {
            "the access mode is the boundary's: `read_only` where it is opened"
        }
        Effect::Characteristics => {
            "isolation and access mode are the boundary's: `isolation = ..` and `read_only` where it is opened"
        }
        Effect::Ambiguous if dialect != Dialect::MySql => {
            "it can be read in more than one way, so it may end the transaction; write each statement by itself"
        }
        Effect::Ambiguous => {
            "it can be read in more than one way, so it may end the transaction; leave out version comments and \
             unfinished text in them"
        }
        Effect::ChangesReading => {
            "the server would read later statements differently from the check; set it for the server, or where the \
             connection is opened"
        }
        Effect::NeedsConnection if dialect == Dialect::Postgres => {
            "as a statement it would wait forever or lose the connection; write `tx.copy_in(sql, source)` for \
             FROM STDIN, and `tx.copy_out(sql)` for TO STDOUT"
        }
        Effect::NeedsConnection => {
            "it needs the raw connection, which a session does not give; run it on a separate connection"
        }
        Effect::RollsBackOnConflict if dialect != Dialect::Sqlite => {
            "on a conflict it would silently roll back the whole transaction; let the conflict be an error"
        }
        Effect::RollsBackOnConflict => {
            "on a conflict it would silently roll back the whole transaction; write `or abort`, the default, or `or \
             ignore`"
        }
        _ => {
            "the database would commit the transaction implicitly; run it before the boundary, on a separate connection"
        }
    }
}

/// Returns the first words of a statement: enough to find it in the source, and no value.
fn head(statement: &str) -> String {
    const LONGEST: usize = 40;

    let is_word = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ' ' | '\n' | '\t');
    let words = statement.split(|c| !is_word(c)).next().unwrap_or_default();
    let short: String = words.chars().take(LONGEST).collect();
    match short.split_whitespace().collect::<Vec<_>>().join(" ") {
        // The statement begins with a comment.
        empty if empty.is_empty() => "the statement".to_owned(),
        words => words,
    }
}

#[cfg(test)]
mod tests {
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

    /// Every reason on every database: none names a thing that the database lacks. `--nocapture` prints them.
    #[test]
    fn no_reason_names_what_the_database_lacks() {
        // As words, so that `set local` is not found in "set locally".
        const LACKS: [(Dialect, &[&str]); 3] = [
            (
                Dialect::Postgres,
                &[
                    "PRAGMA",
                    "SET STATEMENT",
                    "SET_VAR",
                    "GET_LOCK",
                    "HANDLER",
                    "MySQL",
                    "MariaDB",
                    "SQLite",
                    "or abort",
                    "or ignore",
                    "version comment",
                ],
            ),
            (
                Dialect::MySql,
                &[
                    "SET LOCAL",
                    "pg_",
                    "PgListener",
                    "ON COMMIT",
                    "WITH HOLD",
                    "COPY",
                    "copy_",
                    "PRAGMA",
                    "pooler",
                    "PostgreSQL",
                    "SQLite",
                    "or abort",
                ],
            ),
            (
                Dialect::Sqlite,
                &[
                    "SET LOCAL",
                    "pg_",
                    "PgListener",
                    "ON COMMIT",
                    "WITH HOLD",
                    "COPY",
                    "copy_",
                    "SET STATEMENT",
                    "SET_VAR",
                    "FOR UPDATE",
                    "isolation",
                    "pooler",
                    "version comment",
                    "PostgreSQL",
                    "MySQL",
                    "MariaDB",
                ],
            ),
        ];
        let effects = [
            Effect::Begins,
            Effect::Commits,
            Effect::RollsBack,
            Effect::Nests,
            Effect::TwoPhase,
            Effect::Characteristics,
            Effect::ImplicitCommit,
            Effect::RollsBackOnConflict,
            Effect::ChangesReading,
            Effect::NeedsConnection,
            Effect::Ambiguous,
        ];
        for (dialect, lacks) in LACKS {
            let of_effects = effects.map(|effect| {
                assert!(effect.is_guarded(), "{effect:?}");
                (format!("{effect:?}"), reason(effect, dialect))
            });
            let of_leaks =
                Leak::ALL.map(|leak| (format!("{leak:?}"), reason_of_leak(leak, dialect)));
            for (what, reason) in of_effects.into_iter().chain(of_leaks) {
                println!("{dialect:?} | {what} | {reason}");
                for word in lacks {
                    assert!(
                        !reason.contains(word),
                        "{dialect:?}, {what}: {reason:?} names {word:?}"
                    );
                }
            }
        }
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

    /// Returns the first rule that the compile-time check finds broken by a text.
    fn refused_at_compile_time(sql: &str) -> Option<&'static str> {
        use demarcate_rules::{Args, Errors, Item, Kind, check};

        let text = format!("{sql:?}");
        let function = format!(
            "async fn f(tx: &mut Session) -> Result<(), E> {{ sqlx::query({text}).execute(&mut *tx).await?; Ok(()) }}"
        );
        let mut errors = Errors::default();
        let args = Args::parse(Kind::Service, Default::default(), &mut errors);
        let Ok(Item::Function(function)) = Item::parse(function.parse().unwrap()) else {
            panic!("{function}");
        };
        check(Kind::Service, &args, &function, &mut errors);
        errors
            .iter()
            .filter_map(|mistake| mistake.rule)
            .map(|rule| rule.code)
            .next()
    }

    /// Statements that leave state on the session, by database, and statements that only look as if they did.
    const TEXTS: [(Dialect, &[&str]); 3] = [
        (
            Dialect::Postgres,
            &[
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

    /// Texts on which the two differ, because the rules do not know the database: the guard's rule, and the compile-time
    /// rule.
    const DIFFERENT: [(Dialect, &str, Option<&str>, Option<&str>); 9] = [
        // `SET LOCAL` is `SET SESSION` on MySQL, but PostgreSQL's own form.
        (
            Dialect::MySql,
            "set local time_zone = '+00:00'",
            Some("D040"),
            None,
        ),
        (
            Dialect::MySql,
            "set session transaction read only",
            Some("D040"),
            None,
        ),
        // On PostgreSQL these are session settings. On MySQL they change the server, or commit.
        (
            Dialect::MySql,
            "set global max_connections = 5",
            None,
            Some("D040"),
        ),
        (Dialect::MySql, "reset persist", None, Some("D040")),
        (
            Dialect::MySql,
            "set autocommit = 0",
            Some("D013"),
            Some("D040"),
        ),
        // DDL commits on MySQL alone.
        (
            Dialect::MySql,
            "create table t (id int)",
            Some("D013"),
            None,
        ),
        // PostgreSQL itself refuses this after the first query.
        (
            Dialect::Postgres,
            "set transaction read only",
            Some("D013"),
            None,
        ),
        (Dialect::Postgres, "copy a from stdin", Some("D024"), None),
        (Dialect::Postgres, "copy a to stdout", Some("D024"), None),
    ];

    #[test]
    fn the_guard_and_the_rules_refuse_the_same() {
        for (dialect, texts) in TEXTS {
            for sql in texts {
                assert_eq!(
                    refused(sql, dialect).map(|(rule, _)| rule),
                    refused_at_compile_time(sql),
                    "{dialect:?}: {sql}"
                );
            }
        }
        for (dialect, sql, at_run_time, at_compile_time) in DIFFERENT {
            let guard = refused(sql, dialect).map(|(rule, _)| rule);
            assert_eq!(
                (guard, refused_at_compile_time(sql)),
                (at_run_time, at_compile_time),
                "{dialect:?}: {sql}"
            );
        }
    }
}
