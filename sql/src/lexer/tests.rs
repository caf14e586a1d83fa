//! Tests of the lexer.

use std::vec::Vec;

use super::Lexer;
use crate::Dialect::{self, MySql, Postgres, Sqlite};

fn tokens(sql: &str, dialect: Dialect) -> Vec<&str> {
    Lexer::new(sql, dialect).map(|token| token.text).collect()
}

#[track_caller]
fn check(cases: &[(&str, Dialect, &[&str])]) {
    for (sql, dialect, expected) in cases {
        assert_eq!(tokens(sql, *dialect), *expected, "{dialect:?}: {sql}");
    }
}

#[test]
fn line_comments() {
    check(&[
        ("a --b\nc", Postgres, &["a", "c"]),
        ("a --b\nc", Sqlite, &["a", "c"]),
        ("a --b\nc", MySql, &["a", "-", "-", "b", "c"]),
        ("a -- b\nc", MySql, &["a", "c"]),
        ("a --\tb\nc", MySql, &["a", "c"]),
        ("a --\u{1}b\nc", MySql, &["a", "c"]),
        ("a --", MySql, &["a"]),
        ("a --\nc", MySql, &["a", "c"]),
        ("a # b\nc", MySql, &["a", "c"]),
        ("a # b", Postgres, &["a", "#", "b"]),
        // Only PostgreSQL ends a line at a lone carriage return.
        ("a -- b\rc", Postgres, &["a", "c"]),
        ("a -- b\rc", Sqlite, &["a"]),
        ("a -- b\rc", MySql, &["a"]),
        ("a - -b", Postgres, &["a", "-", "-", "b"]),
        ("a---b", Sqlite, &["a"]),
    ]);
}

#[test]
fn block_comments() {
    check(&[
        ("a/*b*/c", Postgres, &["a", "c"]),
        ("a /* /* b */ c */ d", Postgres, &["a", "d"]),
        ("a /* /* b */ c */ d", Sqlite, &["a", "c", "*", "/", "d"]),
        ("a /* /* b */ c */ d", MySql, &["a", "c", "*", "/", "d"]),
        ("a /*/ b */ c", Sqlite, &["a", "c"]),
        ("a /**/ c", MySql, &["a", "c"]),
        ("a /***/ c", Postgres, &["a", "c"]),
        ("a /* b ' */ c", Postgres, &["a", "c"]),
        ("a /*+ hint */ c", MySql, &["a", "c"]),
        ("a */ c", Postgres, &["a", "*", "/", "c"]),
    ]);
}

#[test]
fn executable_comments() {
    check(&[
        ("/*! a */ b", MySql, &["a", "b"]),
        ("/*!a*/b", MySql, &["a", "b"]),
        ("/*!50000 a */ b", MySql, &["a", "b"]),
        ("/*!80000a */ b", MySql, &["a", "b"]),
        ("/*M! a */ b", MySql, &["a", "b"]),
        ("/*M!100100 a */ b", MySql, &["a", "b"]),
        ("/*! a /* c */ d */ b", MySql, &["a", "d", "b"]),
        ("/*! '*/' */ b", MySql, &["'*/'", "b"]),
        ("/*! a", MySql, &["a"]),
        ("/*m! a */ b", MySql, &["b"]),
        ("/*! a */ b", Postgres, &["b"]),
        ("/*! a */ b", Sqlite, &["b"]),
    ]);
}

#[test]
fn quotes() {
    check(&[
        ("'a;''b' c", Postgres, &["'a;''b'", "c"]),
        ("'' c", Sqlite, &["''", "c"]),
        (r"'a\' c", Postgres, &[r"'a\'", "c"]),
        (r"'a\' c", Sqlite, &[r"'a\'", "c"]),
        (r"'a\' c' d", MySql, &[r"'a\' c'", "d"]),
        (r"'a\\' c", MySql, &[r"'a\\'", "c"]),
        (r#""a\" c" d"#, MySql, &[r#""a\" c""#, "d"]),
        (r#""a\" c"#, Postgres, &[r#""a\""#, "c"]),
        (r#""a;""b" c"#, Sqlite, &[r#""a;""b""#, "c"]),
        ("`a;``b` c", MySql, &["`a;``b`", "c"]),
        ("`a;b` c", Sqlite, &["`a;b`", "c"]),
        ("`a` c", Postgres, &["`", "a", "`", "c"]),
        ("[a;'b] c", Sqlite, &["[a;'b]", "c"]),
        ("[a]", Postgres, &["[", "a", "]"]),
    ]);
}

#[test]
fn prefixed_strings() {
    check(&[
        (r"E'a\'b' c", Postgres, &[r"E'a\'b'", "c"]),
        (r"e'a\\' c", Postgres, &[r"e'a\\'", "c"]),
        (r"e'a''b' c", Postgres, &[r"e'a''b'", "c"]),
        (r"fee'a\' c", Postgres, &["fee", r"'a\'", "c"]),
        (r"1E'\'' c", Postgres, &["1", r"E'\''", "c"]),
        (r"E 'a\' c", Postgres, &["E", r"'a\'", "c"]),
        (r"E'a\' c", Sqlite, &["E", r"'a\'", "c"]),
        (r"U&'a\' c", Postgres, &["U", "&", r"'a\'", "c"]),
        (r#"U&"a\" c"#, Postgres, &["U", "&", r#""a\""#, "c"]),
        (
            r"B'1' X'f' N'n'",
            Postgres,
            &["B", "'1'", "X", "'f'", "N", "'n'"],
        ),
        (r"N'a\' c' d", MySql, &["N", r"'a\' c'", "d"]),
        (r"_utf8'a\' c' d", MySql, &["_utf8", r"'a\' c'", "d"]),
    ]);
}

/// Each was seen to end there on PostgreSQL 15.
#[test]
fn an_escape_string_goes_on_after_a_newline() {
    check(&[
        ("E'a'\n'b\\'c' d", Postgres, &["E'a'\n'b\\'c'", "d"]),
        ("E'a' --x\n'b\\'c' d", Postgres, &["E'a' --x\n'b\\'c'", "d"]),
        (
            "E'a'\r\n--x\n--y\n 'b\\'c' d",
            Postgres,
            &["E'a'\r\n--x\n--y\n 'b\\'c'", "d"],
        ),
        ("E'a' 'b\\' d", Postgres, &["E'a'", "'b\\'", "d"]),
        ("'a'\n'b\\' d", Postgres, &["'a'", "'b\\'", "d"]),
    ]);
}

#[test]
fn dollar_quotes() {
    check(&[
        ("$$a;'b$$ c", Postgres, &["$$a;'b$$", "c"]),
        ("$t$a$$;$u$b$t$ c", Postgres, &["$t$a$$;$u$b$t$", "c"]),
        ("$T$a$t$b$T$ c", Postgres, &["$T$a$t$b$T$", "c"]),
        ("$é_1$a$é_1$ c", Postgres, &["$é_1$a$é_1$", "c"]),
        ("$1 $2", Postgres, &["$1", "$2"]),
        ("$1$$a$$ c", Postgres, &["$1", "$$a$$", "c"]),
        ("$1a$b$1a$", Postgres, &["$1", "a$b$1a$"]),
        ("a$$b$$ c", Postgres, &["a$$b$$", "c"]),
        ("$ a", Postgres, &["$", "a"]),
        ("$a b", Postgres, &["$", "a", "b"]),
        ("$$a$$", MySql, &["$$a$$"]),
        ("$$a;$$", MySql, &["$$a", ";", "$$"]),
    ]);
}

#[test]
fn sqlite_variables() {
    check(&[
        ("?1 :a @b $c", Sqlite, &["?", "1", ":a", "@b", "$c"]),
        ("$a::b(;') c", Sqlite, &["$a::b(;')", "c"]),
        ("$a(; c", Sqlite, &["$a(;", "c"]),
        ("$(a", Sqlite, &["$", "(", "a"]),
    ]);
}

#[test]
fn whitespace_is_ascii() {
    check(&[
        (" \t\n\x0b\x0c\ra", Postgres, &["a"]),
        ("\u{FEFF}a", Postgres, &["a"]),
        ("\u{FEFF}a", MySql, &["a"]),
        ("a \u{FEFF}b", Sqlite, &["a", "b"]),
        ("a \u{FEFF}b", Postgres, &["a", "\u{FEFF}b"]),
        ("\u{A0}a", Postgres, &["\u{A0}a"]),
        ("\u{2003}a", Sqlite, &["\u{2003}a"]),
    ]);
}

#[test]
fn every_end_is_an_end() {
    for dialect in [Postgres, MySql, Sqlite] {
        for sql in [
            "'a", "\"a", "`a", "[a", "$$a", "$a$b", "E'a\\", "'a\\", "/* a", "/*! a", "/*", "-- a",
            "--", "é'é",
        ] {
            let end = Lexer::new(sql, dialect)
                .last()
                .map_or(0, |token| token.end());
            assert!(end <= sql.len(), "{dialect:?}: {sql}");
        }
    }
}
