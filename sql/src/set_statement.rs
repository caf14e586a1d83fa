//! MariaDB's `SET STATEMENT a = 1 FOR b`, and the settings that change how text is read.

use crate::lexer::Lexer;
use crate::token::Token;

/// Reads past `a = 1, b = 2 FOR`, if it follows, and returns whether one of the variables changes how text is read:
/// MariaDB, "SET STATEMENT".
pub(crate) fn skip_statement_variables(lexer: &mut Lexer<'_>) -> Option<bool> {
    let mut ahead = *lexer;
    let mut reading = false;
    while let Some(token) = ahead.next_inside() {
        if token.is("for") {
            *lexer = ahead;
            return Some(reading);
        }
        reading |= mysql_changes_reading(&token, ahead);
    }
    None
}

/// MySQL 8.4 manual 7.1.11 "Server SQL Modes". In gbk, sjis and their like a backslash is the second byte of a
/// character (12.10.7), and the client's character set is the one that text is read in (12.4).
pub(crate) fn mysql_changes_reading(name: &Token<'_>, mut lexer: Lexer<'_>) -> bool {
    let charset = name.names("character_set_client")
        || name.is_any(&["names", "charset"])
        || (name.is("character") && lexer.accept("set"));
    name.names("sql_mode") || (charset && !is_safe_charset(lexer))
}

/// Reads on after the name of a character set's setting: `= utf8`, `TO 'UTF8'`, `DEFAULT`. In these no quote and no
/// backslash is a part of another character.
pub(crate) fn is_safe_charset(mut lexer: Lexer<'_>) -> bool {
    const SAFE: [&str; 5] = ["ascii", "binary", "default", "latin1", "unicode"];
    lexer.accept_mark(b':');
    if !lexer.accept_mark(b'=') {
        lexer.accept("to");
    }
    let Some(value) = lexer.next_inside() else {
        return false;
    };
    let name = value.text.trim_matches(['\'', '"', '`']);
    name.get(..4)
        .is_some_and(|start| start.eq_ignore_ascii_case("utf8"))
        || SAFE.into_iter().any(|safe| safe.eq_ignore_ascii_case(name))
}
