//! Reads a text token by token: where comments, quotes and words end in each dialect.

use crate::dialect::Dialect;
use crate::token::{Shape, Token};

/// Reads a text token by token. It is a position and cheap to copy: looking ahead reads on in a copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexer<'a> {
    sql: &'a str,
    dialect: Dialect,
    at: usize,
    /// Inside `/*! .. */`, whose content is code.
    executable: bool,
    /// Executable comments are comments: how a server reads them that is older than their version, or another product.
    skips: bool,
    /// A comment was read that a server can end elsewhere: see [`Lexer::is_ambiguous`].
    ambiguous: bool,
    /// Returns the number of executable comments so far.
    comments: usize,
    /// Where the last executable comment ends for a server that skips it.
    closes: usize,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(sql: &'a str, dialect: Dialect) -> Self {
        Self {
            sql,
            dialect,
            at: 0,
            executable: false,
            skips: false,
            ambiguous: false,
            comments: 0,
            closes: 0,
        }
    }

    /// Returns a lexer that reads executable comments as comments from here on.
    pub(crate) fn skipping_executable(self) -> Self {
        Self {
            skips: true,
            ..self
        }
    }

    /// Whether servers disagree on where one of the comments so far ends, or on where a statement ends in it.
    ///
    /// A server that skips `/*!99999 .. */` ends it at the first `*/`, or, if it holds a comment, at the one after;
    /// a server that executes it ends it outside quotes and comments only (`consume_comment` and `MY_LEX_LONG_COMMENT`
    /// in MariaDB's sql_lex.cc).
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.ambiguous || self.executable
    }

    pub(crate) fn comments(&self) -> usize {
        self.comments
    }

    /// Skips the rest of the text.
    pub(crate) fn finish(&mut self) {
        *self = Self {
            at: self.sql.len(),
            ..Self::new(self.sql, self.dialect)
        };
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Returns the end of the last token.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    pub(crate) fn slice(&self, start: usize, end: usize) -> &'a str {
        self.sql.get(start..end).unwrap_or_default()
    }

    pub(crate) fn peek(&self) -> Option<Token<'a>> {
        let mut ahead = *self;
        ahead.next()
    }

    /// Returns the next token of the same statement.
    pub(crate) fn next_inside(&mut self) -> Option<Token<'a>> {
        self.next().filter(|token| !token.is_mark(b';'))
    }

    /// Consumes the next token if it is this keyword, and returns whether it was.
    pub(crate) fn accept(&mut self, keyword: &str) -> bool {
        self.accept_if(|token| token.is(keyword))
    }

    pub(crate) fn accept_any(&mut self, keywords: &[&str]) -> bool {
        self.accept_if(|token| token.is_any(keywords))
    }

    pub(crate) fn accept_mark(&mut self, mark: u8) -> bool {
        self.accept_if(|token| token.is_mark(mark))
    }

    fn accept_if(&mut self, wanted: impl FnOnce(&Token<'a>) -> bool) -> bool {
        let mut ahead = *self;
        let accepted = ahead.next().is_some_and(|token| wanted(&token));
        if accepted {
            *self = ahead;
        }
        accepted
    }

    fn byte(&self, ahead: usize) -> Option<u8> {
        self.sql.as_bytes().get(self.at + ahead).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.sql.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes).min(self.sql.len());
    }

    fn advance_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let rest = self.rest();
        self.advance(
            rest.iter()
                .position(|&byte| !wanted(byte))
                .unwrap_or(rest.len()),
        );
    }

    /// Advances past the next `end`, or to the end of the text.
    fn advance_past(&mut self, end: &[u8]) {
        let rest = self.rest();
        match rest
            .windows(end.len().max(1))
            .position(|window| window == end)
        {
            Some(before) => self.advance(before + end.len()),
            None => self.advance(rest.len()),
        }
    }
}

/// Tokens.
impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.skip_blank();
        let start = self.at;
        let shape = self.token(self.byte(0)?);
        if self.executable {
            self.ambiguous |= shape == Shape::Mark(b';') || self.at > self.closes;
        }
        Some(Token {
            shape,
            text: self.slice(start, self.at),
            start,
        })
    }
}

impl Lexer<'_> {
    fn token(&mut self, first: u8) -> Shape {
        use Dialect::{MySql, Postgres, Sqlite};
        match (first, self.dialect) {
            (b'a'..=b'z' | b'A'..=b'Z' | b'_' | 0x80.., _) | (b'$', MySql) => self.word(),
            (b'0'..=b'9', _) => {
                // Only the digits: PostgreSQL before 15 reads `1E'\''` as a number and an escape string.
                self.advance_while(|byte| byte.is_ascii_digit());
                Shape::Number
            }
            (b'\'', _) => {
                self.quoted(b'\'', self.dialect == MySql);
                Shape::Text
            }
            (b'"', MySql) => {
                self.quoted(b'"', true);
                Shape::Text
            }
            (b'"', _) | (b'`', MySql | Sqlite) => {
                self.quoted(first, false);
                Shape::Name
            }
            (b'[', Sqlite) => {
                self.advance_past(b"]");
                Shape::Name
            }
            (b'$', Postgres) => self.dollar(),
            (b'$' | b'@' | b':' | b'#', Sqlite) => self.sqlite_variable(),
            _ => {
                self.advance(1);
                Shape::Mark(first)
            }
        }
    }

    fn word(&mut self) -> Shape {
        let start = self.at;
        self.advance_while(is_word);
        // `E'..'`: PostgreSQL, 4.1.2.2 "String Constants with C-Style Escapes".
        let prefix = self.at - start == 1 && self.byte(0) == Some(b'\'');
        if self.dialect == Dialect::Postgres
            && prefix
            && matches!(self.slice(start, self.at), "e" | "E")
        {
            self.escape_string();
            return Shape::Text;
        }
        Shape::Word
    }

    /// A quote, in which the quote itself is written twice or, where `backslash` says so, after a backslash.
    fn quoted(&mut self, quote: u8, backslash: bool) {
        self.advance(1);
        while let Some(byte) = self.byte(0) {
            let escaped =
                (byte == b'\\' && backslash) || (byte == quote && self.byte(1) == Some(quote));
            self.advance(if escaped { 2 } else { 1 });
            if byte == quote && !escaped {
                return;
            }
        }
    }

    /// An escape string goes on in the next quote when only whitespace and comments with a newline are between them,
    /// and the backslash is still an escape there (PostgreSQL, 4.1.2.1 and `quotecontinue` in its scan.l).
    fn escape_string(&mut self) {
        loop {
            self.quoted(b'\'', true);
            let mut ahead = *self;
            let mut newline = false;
            while let Some(byte) = ahead.byte(0) {
                if is_space(byte) {
                    newline |= is_newline(byte);
                    ahead.advance(1);
                } else if ahead.rest().starts_with(b"--") {
                    ahead.line_comment();
                } else {
                    break;
                }
            }
            if !newline || ahead.byte(0) != Some(b'\'') {
                return;
            }
            *self = ahead;
        }
    }

    /// `$tag$ .. $tag$`, `$1`, or a dollar: PostgreSQL, 4.1.2.4 "Dollar-Quoted String Constants".
    fn dollar(&mut self) -> Shape {
        let start = self.at;
        self.advance(1);
        match self.byte(0) {
            Some(b'0'..=b'9') => {
                self.advance_while(|byte| byte.is_ascii_digit());
                return Shape::Parameter;
            }
            _ => self.advance_while(|byte| is_word(byte) && byte != b'$'),
        }
        if self.byte(0) != Some(b'$') {
            self.at = start + 1;
            return Shape::Mark(b'$');
        }
        self.advance(1);
        let tag = self.slice(start, self.at);
        self.advance_past(tag.as_bytes());
        Shape::Text
    }

    /// `:name`, `@name`, `$name`, and TCL's `$name::name(suffix)`, whose suffix may hold quotes and semicolons
    /// (SQLite, "Parameters", and `CC_VARALPHA` in its tokenize.c).
    fn sqlite_variable(&mut self) -> Shape {
        self.advance(1);
        let start = self.at;
        loop {
            self.advance_while(is_word);
            if !self.rest().starts_with(b"::") {
                break;
            }
            self.advance(2);
        }
        if self.at > start && self.byte(0) == Some(b'(') {
            self.advance_while(|byte| byte != b')' && !is_space(byte));
            if self.byte(0) == Some(b')') {
                self.advance(1);
            }
        }
        Shape::Parameter
    }
}

/// Whitespace and comments.
impl Lexer<'_> {
    fn skip_blank(&mut self) {
        loop {
            match self.byte(0) {
                Some(byte) if is_space(byte) => self.advance(1),
                Some(b'-') if self.rest().starts_with(b"--") && self.dashes_are_a_comment() => {
                    self.line_comment()
                }
                Some(b'#') if self.dialect == Dialect::MySql => self.line_comment(),
                Some(b'/') if self.byte(1) == Some(b'*') => match self.executable_opening() {
                    Some(_) if self.skips => self.block_comment(),
                    Some(length) => self.open_executable(length),
                    None => {
                        self.ambiguous |= self.executable || self.is_open_hint();
                        self.block_comment();
                    }
                },
                Some(b'*') if self.executable && self.byte(1) == Some(b'/') => {
                    self.ambiguous |= self.at != self.closes;
                    self.advance(2);
                    self.executable = false;
                }
                Some(0xEF) if self.byte_order_mark() => self.advance(3),
                _ => return,
            }
        }
    }

    /// MySQL 8.4 manual 11.7: "the `--` comment style requires the second dash to be followed by at least one
    /// whitespace or control character".
    fn dashes_are_a_comment(&self) -> bool {
        self.dialect != Dialect::MySql
            || self
                .byte(2)
                .is_none_or(|byte| is_space(byte) || byte.is_ascii_control())
    }

    /// To the end of the line, which on PostgreSQL is also a lone carriage return (`non_newline` in scan.l).
    fn line_comment(&mut self) {
        match self.dialect {
            Dialect::Postgres => self.advance_while(|byte| !is_newline(byte)),
            Dialect::MySql | Dialect::Sqlite => self.advance_while(|byte| byte != b'\n'),
        }
    }

    /// The length of `/*!`, `/*!80000` or MariaDB's `/*M!100000`: MySQL 8.4 manual 11.7, MariaDB "Comment Syntax".
    fn executable_opening(&self) -> Option<usize> {
        if self.dialect != Dialect::MySql {
            return None;
        }
        let (opening, digits) = match self.rest() {
            [b'/', b'*', b'!', digits @ ..] => (3, digits),
            [b'/', b'*', b'M', b'!', digits @ ..] => (4, digits),
            _ => return None,
        };
        Some(
            opening
                + digits
                    .iter()
                    .take(6)
                    .take_while(|byte| byte.is_ascii_digit())
                    .count(),
        )
    }

    fn open_executable(&mut self, length: usize) {
        self.advance(length);
        if self.executable {
            self.ambiguous = true;
            return;
        }
        self.executable = true;
        self.comments += 1;
        let mut end = *self;
        end.advance_past(b"*/");
        self.closes = end.at.saturating_sub(2);
        // A server that skips it sees a comment where a server that executes it sees a quote: `/*!99999 '/*'*/*/
        // commit`. The end's
        // first byte may be that comment's second.
        let inside = self.sql.as_bytes().get(self.at..=self.closes);
        self.ambiguous |= inside.is_some_and(|inside| inside.windows(2).any(|two| two == b"/*"));
    }

    /// Whether an optimizer hint leaves a quote open at its first `*/`, and so goes on for MySQL: its hints have quotes
    /// (8.4 manual 10.9.3, `Hint_scanner` in sql_lex_hints.h), its comments and MariaDB's have none.
    fn is_open_hint(&self) -> bool {
        if self.dialect != Dialect::MySql || !self.rest().starts_with(b"/*+") {
            return false;
        }
        let mut inside = *self;
        inside.open_executable(3);
        let closes = inside.closes;
        while inside.executable && inside.at < closes && inside.next().is_some() {}
        inside.at > closes && inside.ambiguous
    }

    /// Only PostgreSQL nests them: 4.1.5 "Comments".
    fn block_comment(&mut self) {
        self.advance(2);
        if self.dialect != Dialect::Postgres {
            return self.advance_past(b"*/");
        }
        let mut depth = 1_usize;
        while depth > 0 {
            match (self.byte(0), self.byte(1)) {
                (Some(b'/'), Some(b'*')) => {
                    depth += 1;
                    self.advance(2);
                }
                (Some(b'*'), Some(b'/')) => {
                    depth -= 1;
                    self.advance(2);
                }
                (Some(_), _) => self.advance(1),
                (None, _) => return,
            }
        }
    }

    /// At the start of any text; SQLite takes it for whitespace anywhere (`CC_BOM` in its tokenize.c).
    fn byte_order_mark(&self) -> bool {
        (self.at == 0 || self.dialect == Dialect::Sqlite)
            && self.rest().starts_with("\u{FEFF}".as_bytes())
    }
}

/// ASCII only: no other whitespace is whitespace to a database.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn is_newline(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

#[cfg(test)]
mod tests;
