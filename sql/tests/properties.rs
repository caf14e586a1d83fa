//! What holds for every text.

use demarcate_sql::{
    Dialect, Effect, Kind, find, guard, is_plain, masked, session_calls, statements,
    transaction_control,
};
use proptest::prelude::*;
use proptest::sample::select;

fn dialects() -> impl Strategy<Value = Dialect> {
    select(vec![Dialect::Postgres, Dialect::MySql, Dialect::Sqlite])
}

/// Pieces that open, close and end things, in any order.
fn soups() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "'",
        "''",
        "\"",
        "`",
        "[",
        "]",
        "\\",
        "$$",
        "$a$",
        "$1",
        "E'",
        "U&'",
        "/*",
        "*/",
        "/*!",
        "/*M!50000",
        "--",
        "-- ",
        "#",
        "\n",
        "\r",
        " ",
        "\t",
        ";",
        ";",
        ";",
        "(",
        ")",
        ",",
        ".",
        "=",
        "@",
        "@@",
        ":",
        "é",
        "\u{FEFF}",
        "\u{A0}",
        "\0",
        "begin",
        "not",
        "atomic",
        "end",
        "case",
        "if",
        "then",
        "else",
        "loop",
        "while",
        "do",
        "repeat",
        "until",
        "for",
        "each",
        "declare",
        "handler",
        "commit",
        "rollback",
        "to",
        "work",
        "transaction",
        "prepared",
        "prepare",
        "savepoint",
        "release",
        "start",
        "abort",
        "set",
        "local",
        "session",
        "global",
        "statement",
        "autocommit",
        "constraints",
        "create",
        "or",
        "replace",
        "definer",
        "temp",
        "temporary",
        "function",
        "procedure",
        "trigger",
        "event",
        "rule",
        "table",
        "on",
        "drop",
        "alter",
        "select",
        "insert",
        "update",
        "delete",
        "with",
        "as",
        "explain",
        "analyze",
        "pragma",
        "set_config",
        "set_config('backslash_quote'",
        "pg_settings",
        "sql_mode",
        "/*+",
        "execute immediate '",
        "copy",
        "from",
        "stdin",
        "get_lock",
        "true",
        "xa",
        "lock",
        "vacuum",
    ];
    prop::collection::vec((select(PIECES), any::<bool>()), 0..60).prop_map(|pieces| {
        pieces
            .into_iter()
            .map(|(piece, spaced)| {
                if spaced {
                    format!("{piece} ")
                } else {
                    piece.to_owned()
                }
            })
            .collect()
    })
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![3 => soups(), 1 => any::<String>(), 1 => "[ -~\n]{0,80}"]
}

/// Well-formed statements that are alike on all three databases, with their kind.
fn plain_statements() -> impl Strategy<Value = (&'static str, Kind)> {
    select(vec![
        ("select 1", Kind::Select),
        ("(select a from b) union (select ';')", Kind::Select),
        (
            "select 'it''s; commit', \"a;b\" from t -- ; rollback\n where /* ; */ c = 1",
            Kind::Select,
        ),
        ("insert into t (a, b) values (1, 'x;y')", Kind::Insert),
        (
            "update orders set a = case when b then 1 else 2 end where id = 1",
            Kind::Update,
        ),
        ("delete from t where a in (select 1)", Kind::Delete),
        ("with a as (select 1) select * from a", Kind::With),
        ("create table t (begin int, a int)", Kind::Ddl),
        ("create unique index a on t (b)", Kind::Ddl),
        ("alter table t add c int", Kind::Ddl),
        ("drop table t", Kind::Ddl),
        ("begin", Kind::Begin),
        ("start transaction", Kind::Begin),
        ("commit", Kind::Commit),
        ("rollback", Kind::Rollback),
        ("rollback to a", Kind::RollbackTo),
        ("rollback transaction to savepoint a", Kind::RollbackTo),
        ("savepoint a", Kind::Savepoint),
        ("release savepoint a", Kind::Release),
        ("explain select 1", Kind::Explain),
    ])
}

/// Statements with bodies and quotes of their own.
fn special_statements(dialect: Dialect) -> impl Strategy<Value = (&'static str, Kind)> {
    select(match dialect {
        Dialect::Postgres => vec![
            ("do $$ begin commit; end $$", Kind::Do),
            ("do $a$ begin x := $$;$$; end $a$", Kind::Do),
            ("select E'\\'; commit', $1", Kind::Select),
            (
                "create function f() returns int begin atomic select 1; select case when a then 1 end; end",
                Kind::Routine,
            ),
            (
                "create rule r as on insert to t do also (select 1; select 2)",
                Kind::Ddl,
            ),
            ("set local a = 1", Kind::SetLocal),
            ("set session a = 1", Kind::SetSession),
            ("/* /* ; */ ; */ commit prepared 'a'", Kind::CommitPrepared),
            (
                "create temp table t (a int) on commit drop",
                Kind::TemporaryOnCommitDrop,
            ),
        ],
        Dialect::MySql => vec![
            (
                "create procedure p() begin if a then commit; end if; end",
                Kind::Routine,
            ),
            (
                "begin not atomic while a do commit; end while; end",
                Kind::CompoundControl,
            ),
            ("select 'it\\'s; commit', `a;b` # ;\n", Kind::Select),
            ("set @a = 1, autocommit = 0", Kind::SetAutocommit),
            ("/*!50000 commit */", Kind::Commit),
            (
                "create trigger t before insert on a for each row begin set new.b = 1; end",
                Kind::Routine,
            ),
        ],
        Dialect::Sqlite => vec![
            (
                "create trigger t after insert on a begin delete from b; end",
                Kind::Routine,
            ),
            (
                "insert or rollback into t values (1)",
                Kind::RollbackOnConflict,
            ),
            ("select [a;b], `c;d`, $e(;)", Kind::Select),
            ("pragma foreign_keys = on", Kind::SetPragma),
            ("end", Kind::Commit),
        ],
    })
}

fn lists() -> impl Strategy<Value = (Dialect, Vec<(&'static str, Kind)>)> {
    dialects().prop_flat_map(|dialect| {
        let one = prop_oneof![2 => plain_statements(), 1 => special_statements(dialect)];
        (Just(dialect), prop::collection::vec(one, 1..8))
    })
}

fn kinds(sql: &str, dialect: Dialect) -> Vec<Kind> {
    statements(sql, dialect)
        .map(|statement| statement.kind)
        .collect()
}

/// Whether nothing but whitespace, comments and semicolons is in between, as far as a text without quotes shows.
fn is_blank(between: &str, dialect: Dialect) -> bool {
    // The end of an executable comment, whose start went with an earlier statement.
    let between = between.trim_start().trim_start_matches("*/");
    // And the start of one that ends with a later statement.
    let between = between.trim_end().trim_end_matches("/*!50000");
    statements(between, dialect).next().is_none()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_to_its_end(sql in texts(), dialect in dialects()) {
        let mut end = 0;
        for statement in statements(&sql, dialect) {
            prop_assert!(statement.offset >= end, "statements overlap");
            prop_assert!(!statement.text.is_empty());
            let slice = &sql[statement.offset..][..statement.text.len()];
            prop_assert_eq!(slice, statement.text);
            end = statement.offset + statement.text.len();
        }
        prop_assert!(masked(&sql, dialect).to_string().len() <= sql.len() + "…".len());
        for call in session_calls(&sql, dialect) {
            prop_assert!(sql[call.offset..].starts_with(call.name));
        }
    }

    /// Whatever stands around it, and whatever it is.
    #[test]
    fn a_written_value_is_never_shown(value in "[a-z'\"\\\\$;/*é -]{0,20}", number: u32, dialect in dialects()) {
        let mut quoted = value.replace('\'', "''");
        if dialect == Dialect::MySql {
            quoted = quoted.replace('\\', "\\\\");
        }
        let sql = format!("select a from t where b = '{quoted}' and c > {number}");
        prop_assert_eq!(masked(&sql, dialect).to_string(), "select a from t where b = ? and c > ?");
    }

    /// The short cut of the guard says what the whole reading says.
    #[test]
    fn the_guard_agrees_with_the_statements(sql in texts(), dialect in dialects()) {
        let by_reading = statements(&sql, dialect).find(|s| s.effect().controls_transaction());
        prop_assert_eq!(transaction_control(&sql, dialect), by_reading);
        let by_reading = statements(&sql, dialect).find(|s| s.effect().is_guarded());
        prop_assert_eq!(guard(&sql, dialect), by_reading);
        let by_reading = statements(&sql, dialect).find(|s| s.effect() != Effect::None);
        prop_assert_eq!(find(&sql, dialect, |_| true), by_reading);
    }

    #[test]
    fn there_is_nothing_in_what_is_plain(sql in texts(), dialect in dialects()) {
        if is_plain(&sql, dialect) {
            prop_assert_eq!(statements(&sql, dialect).find(|s| s.effect() != Effect::None), None);
            prop_assert_eq!(session_calls(&sql, dialect).next(), None);
        }
    }

    #[test]
    fn splitting_and_joining_agree((dialect, list) in lists(), separator in select(vec![";", " ; ", ";;\n", ";/* ; */"])) {
        let sql = list.iter().map(|(text, _)| *text).collect::<Vec<_>>().join(separator);
        let expected: Vec<Kind> = list.iter().map(|(_, kind)| *kind).collect();
        prop_assert_eq!(kinds(&sql, dialect), &expected[..]);

        let texts: Vec<&str> = statements(&sql, dialect).map(|s| s.text).collect();
        let joined = texts.join(";");
        let again: Vec<&str> = statements(&joined, dialect).map(|s| s.text).collect();
        prop_assert_eq!(&again, &texts);
        prop_assert_eq!(kinds(&joined, dialect), expected);
    }

    #[test]
    fn nothing_but_blanks_is_left_out((dialect, list) in lists()) {
        let sql = list.iter().map(|(text, _)| *text).collect::<Vec<_>>().join(" /* a; */ ; -- b;\n ; ");
        let mut end = 0;
        for statement in statements(&sql, dialect) {
            prop_assert!(is_blank(&sql[end..statement.offset], dialect));
            end = statement.offset + statement.text.len();
        }
        prop_assert!(is_blank(&sql[end..], dialect));
    }

    #[test]
    fn comments_and_case_do_not_change_the_kind(
        (dialect, (text, kind)) in dialects().prop_flat_map(|d| (Just(d), prop_oneof![plain_statements(), special_statements(d)])),
        before in prop::collection::vec(select(vec!["/* commit; */", "-- a;\n", " ", "\n\t", ";", "/**/", "-- \r\n"]), 0..6),
        upper in any::<bool>(),
    ) {
        let text = if upper { text.to_ascii_uppercase() } else { text.to_owned() };
        let sql = format!("{}{text}", before.concat());
        prop_assert_eq!(kinds(&sql, dialect), [kind]);
    }

    /// Comments between any two words of a statement change nothing.
    #[test]
    fn comments_between_words_do_not_change_the_kind(
        (text, kind) in plain_statements().prop_filter("no quotes and comments", |(text, _)| !text.contains(['\'', '-'])),
        blank in select(vec!["/* ; */", "\n", " -- commit;\n", "\t/*'*/ "]),
        dialect in dialects(),
    ) {
        prop_assert_eq!(kinds(&text.replace(' ', blank), dialect), [kind]);
    }

    #[test]
    fn dialects_agree_on_plain_statements(list in prop::collection::vec(plain_statements(), 0..8)) {
        let sql = list.iter().map(|(text, _)| *text).collect::<Vec<_>>().join(";\n");
        let read = |dialect| statements(&sql, dialect).map(|s| (s.offset, s.text, s.kind)).collect::<Vec<_>>();
        prop_assert_eq!(read(Dialect::Postgres), read(Dialect::MySql));
        prop_assert_eq!(read(Dialect::Postgres), read(Dialect::Sqlite));
    }
}
