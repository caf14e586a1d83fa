//! MySQL's executable comments, which the one server runs and the other skips.

use demarcate_sql::Dialect::MySql;
use demarcate_sql::{Kind, guard, statements};
use proptest::prelude::*;
use proptest::sample::select;

fn found(sql: &str) -> Option<(Kind, usize)> {
    guard(sql, MySql).map(|statement| (statement.kind, statement.offset))
}

/// Each of the first four, and the one with a comment and a quote inside, was seen to commit on MariaDB 10.11.
#[test]
fn what_hides_a_quote_is_ambiguous() {
    for sql in [
        "select 1 /*!50701 ' */; commit; -- '",
        "select 1 /*!999999 ' */; commit; -- '",
        "select 1 /*!99999 \" */; commit; -- \"",
        "/*!50701 select ' */ commit -- '",
        "select 1 /*! ` */; commit; -- `",
        "select 1 /*M!999999 ' */; commit; -- '",
        "select 1 /*! -- */; commit",
        "select 1 /*! # */; commit",
        "/*! # */ commit",
        "/*!99999 '*/' */; commit",
        "select 1 /*! /* */; commit; /* */",
        "select 1 /*!99999 /* ' */ */; commit; -- '",
        "/*! ; */ commit",
        "select 1 /*! ; commit */",
        "select 1 /*! ' */",
        "select 1 /*!",
        "rollback /*! to */ a",
        "/*!99999 x */ /*!50000 commit */",
        "select /*+ qb_name(`*/ ' `) */ 1; commit; -- '",
    ] {
        let found = found(sql);
        assert!(
            matches!(found, Some((Kind::Ambiguous, _))),
            "{found:?}: {sql}"
        );
    }
}

#[test]
fn either_reading_is_found() {
    for (sql, kind) in [
        ("/*! commit */", Kind::Commit),
        ("/*!99999 select 1 + */ commit", Kind::Commit),
        ("/*!50000 rollback */ /*!99999 to */ a", Kind::RollbackTo),
        ("drop /*!99999 temporary */ table a", Kind::Ddl),
        ("set @a /*! = 1, autocommit */ = 1", Kind::SetAutocommit),
        (
            "set /*!99999 @a = 1, */ autocommit = 1",
            Kind::SetAutocommit,
        ),
        ("set /*!99999 @a = 1, */ sql_mode = ''", Kind::SetReading),
        (
            "/*!50003 create */ /*!50017 definer = `a`@`%` */ /*!50003 trigger a before insert on b for each row set c = 1 */",
            Kind::Ambiguous,
        ),
        (
            "/*!99999 create procedure p() */ begin; commit; end",
            Kind::Ambiguous,
        ),
    ] {
        assert_eq!(found(sql).map(|(kind, _)| kind), Some(kind), "{sql}");
    }
}

#[test]
fn harmless_comments_pass() {
    for sql in [
        "select /*! straight_join */ * from a",
        "select /*!40001 sql_no_cache */ a /*!80000 , b */ from c;",
        "select /*! 'a;', \"b\", `c` */ 1; delete from a",
        "/*!40101 set @a = 1 */; select 1",
        "insert /*! ignore */ into a values ('/*!')",
        "select 1 /* /*! ' */",
        "select /*+ qb_name(`a`) */ 1; select 2",
        "select a / b",
    ] {
        assert_eq!(found(sql), None, "{sql}");
    }
}

/// What one server makes of a text: the first word of each of its statements. `executes` says for each executable
/// comment whether it is run, and `nests` whether a comment that is skipped may hold another. A slow second opinion,
/// which shares nothing with the crate.
fn first_words(sql: &str, executes: u32, nests: bool) -> Vec<String> {
    let text: Vec<char> = sql.chars().collect();
    let at = |i: usize| text.get(i).copied().unwrap_or('\0');
    let is = |i: usize, wanted: &str| wanted.chars().enumerate().all(|(n, c)| at(i + n) == c);
    let mut words = vec![String::new()];
    let mut has_first = false;
    let mut inside = false;
    let mut comment = 0;
    let mut i = 0;
    while i < text.len() {
        let opening = if is(i, "/*!") { 3 } else { 4 };
        if is(i, "/*!") || is(i, "/*M!") {
            comment += 1;
            if executes >> (comment - 1) & 1 == 1 {
                inside = true;
                i += opening;
                while at(i).is_ascii_digit() {
                    i += 1;
                }
                continue;
            }
            i += opening;
            let mut depth = 1;
            while i < text.len() && depth > 0 {
                if is(i, "*/") {
                    depth -= 1;
                    i += 2;
                } else if nests && depth == 1 && is(i, "/*") {
                    depth += 1;
                    i += 2;
                } else {
                    i += 1;
                }
            }
        } else if inside && is(i, "*/") {
            inside = false;
            i += 2;
        } else if is(i, "/*") {
            i += 2;
            while i < text.len() && !is(i, "*/") {
                i += 1;
            }
            i += 2;
        } else if at(i) == '#' || is(i, "-- ") || is(i, "--\n") {
            while i < text.len() && at(i) != '\n' {
                i += 1;
            }
        } else if at(i).is_whitespace() {
            i += 1;
        } else if at(i) == ';' {
            words.push(String::new());
            has_first = false;
            i += 1;
        } else if matches!(at(i), '\'' | '"' | '`') {
            let quote = at(i);
            i += 1;
            while i < text.len() {
                if (at(i) == '\\' && quote != '`') || (at(i) == quote && at(i + 1) == quote) {
                    i += 2;
                } else if at(i) == quote {
                    break;
                } else {
                    i += 1;
                }
            }
            i += 1;
            has_first = true;
        } else {
            let start = i;
            while at(i).is_ascii_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            let word: String = text[start..i].iter().collect();
            i = i.max(start + 1);
            if !has_first {
                *words.last_mut().unwrap() = word;
            }
            has_first = true;
        }
    }
    words
}

fn commits_on_some_server(sql: &str) -> bool {
    let comments = sql.matches("/*!").count() + sql.matches("/*M!").count();
    (0..1_u32 << comments.min(6)).any(|executes| {
        [false, true].into_iter().any(|nests| {
            first_words(sql, executes, nests)
                .iter()
                .any(|word| word == "commit")
        })
    })
}

/// Statements, and comments around whatever opens and closes quotes and comments.
fn texts() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "'", "'", "\"", "`", "\\", "''", "/*", "*/", "-- ", "#", "\n", ";", "commit", "select 1",
        "x", " ", "*", "/",
    ];
    let soup = |length| prop::collection::vec(select(PIECES), 0..length).prop_map(|p| p.concat());
    let opening = select(vec![
        "/*!",
        "/*!50701 ",
        "/*!99999 ",
        "/*!999999",
        "/*M!100100 ",
    ]);
    let wrapped = (opening, soup(5)).prop_map(|(opening, content)| format!("{opening}{content}*/"));
    let part = prop_oneof![
        2 => wrapped,
        1 => soup(4),
        1 => Just("; commit;".to_owned()),
        1 => Just("select 1 ".to_owned()),
        1 => Just(" commit ".to_owned()),
    ];
    prop::collection::vec(part, 1..7).prop_map(|parts| parts.concat())
}

/// A comment in a comment, which who executes the outer one takes for a text.
#[test]
fn a_comment_in_quotes_hides_no_commit() {
    for sql in [
        "/*!'/*'*/*/ commit",
        "/*!99999 '/*'*/*/ commit",
        "/*!99999 \"/*\" */*/ commit",
        "/*M!100100 '/*/'*/*/ commit",
        "select 1; /*!99999 '/*'*/*/ commit",
    ] {
        assert!(
            guard(sql, MySql).is_some(),
            "{sql}: {:?}",
            statements(sql, MySql).collect::<Vec<_>>()
        );
    }
    let harmless = "select '/*' from a /*!99999 use index (b) */ where c = '*/'";
    assert_eq!(guard(harmless, MySql), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// No comment hides a commit from the guard that some server would run.
    #[test]
    fn no_version_comment_hides_a_commit(sql in texts()) {
        if commits_on_some_server(&sql) {
            prop_assert!(guard(&sql, MySql).is_some(), "{:?}", statements(&sql, MySql).collect::<Vec<_>>());
        }
    }

    /// Whatever the quotes in the comment, the commit behind it is found.
    #[test]
    fn a_later_commit_is_found(content in "[^*/]{0,12}", opening in select(vec!["/*!", "/*!50701", "/*!99999 ", "/*M!"]), quote in select(vec!["'", "\"", "`", ""])) {
        let sql = format!("select 1 {opening}{content}{quote} */; commit; -- {quote}");
        prop_assert!(guard(&sql, MySql).is_some());
    }

    /// A comment with balanced content is no reason to refuse a plain statement.
    #[test]
    fn balanced_comments_pass(content in "[a-z0-9 ,=]{0,12}('[a-z;]{0,3}'|\"[a-z]\"|`a`)?[a-z ]{0,3}", digits in "(50701|99999|999999) ") {
        let sql = format!("select a /*!{digits}{content} */ from b /*!{digits}{content} */; delete from c");
        prop_assert_eq!(guard(&sql, MySql), None);
    }
}
