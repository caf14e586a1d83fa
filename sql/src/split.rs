//! Splits a text into its statements.

use crate::dialect::Dialect;
use crate::effect::Effect;
use crate::kind::Kind;
use crate::leak::Leak;
use crate::lexer::Lexer;
use crate::{conflict, executable_comments, head, settings, stored_body, temporary};

/// One statement of a text.
///
/// ```
/// use demarcate_sql::{Dialect, Kind, statements};
///
/// let statement = statements("  -- first\n select 1 ; ", Dialect::Sqlite).next().unwrap();
/// assert_eq!((statement.text, statement.offset, statement.kind), ("select 1", 12, Kind::Select));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statement<'a> {
    /// The source from its first token to its last: without the comments around it and without the semicolon.
    pub text: &'a str,
    /// Where `text` starts, in bytes.
    pub offset: usize,
    /// The kind of statement.
    pub kind: Kind,
    /// Whose SQL it was read as.
    pub dialect: Dialect,
}

impl Statement<'_> {
    /// Returns the effect on the transaction that it is sent in.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, Effect, statements};
    ///
    /// let listen = statements("LISTEN orders", Dialect::Postgres).next().unwrap();
    /// assert_eq!(listen.effect(), Effect::SessionState);
    /// ```
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.kind.effect(self.dialect)
    }

    /// Returns the state that it leaves on the server's session. A variable of the user's own counts if a value is bound to it.
    ///
    /// ```
    /// use demarcate_sql::{Dialect, Leak, statements};
    ///
    /// let leak = |sql| statements(sql, Dialect::MySql).next().unwrap().leak();
    /// assert_eq!(leak("create temporary table a (id int)"), Some(Leak::TemporaryTable));
    /// assert_eq!(leak("drop temporary table a"), None);
    /// ```
    #[must_use]
    pub fn leak(&self) -> Option<Leak> {
        if self.kind == Kind::SetUserVariable {
            let mut tokens = Lexer::new(self.text, self.dialect);
            return tokens
                .any(|token| token.is_mark(b'?'))
                .then_some(Leak::Variable);
        }
        // `DROP PREPARE` is `DEALLOCATE` by another name, and counts.
        let is_removal = self.kind == Kind::Temporary
            && self
                .text
                .get(..4)
                .is_some_and(|word| word.eq_ignore_ascii_case("drop"));
        self.kind.leak(self.dialect).filter(|_| !is_removal)
    }
}

/// The statements of a text, in order. Empty ones are left out.
///
/// ```
/// use demarcate_sql::{Dialect, statements};
///
/// let sql = ";; create trigger t after insert on a begin delete from b; end; select ';'";
/// let texts: Vec<&str> = statements(sql, Dialect::Sqlite).map(|s| s.text).collect();
/// assert_eq!(texts, ["create trigger t after insert on a begin delete from b; end", "select ';'"]);
/// ```
#[must_use]
pub fn statements(sql: &str, dialect: Dialect) -> Statements<'_> {
    Statements {
        lexer: Lexer::new(sql, dialect),
    }
}

/// Iterator over the statements of a text: see [`statements`].
///
/// ```
/// use demarcate_sql::{Dialect, statements};
///
/// let mut rest = statements("select 1; select 2", Dialect::MySql);
/// rest.next();
/// assert_eq!(rest.map(|s| s.offset).collect::<Vec<_>>(), [10]);
/// ```
#[derive(Clone, Debug)]
pub struct Statements<'a> {
    lexer: Lexer<'a>,
}

impl<'a> Iterator for Statements<'a> {
    type Item = Statement<'a>;

    fn next(&mut self) -> Option<Statement<'a>> {
        let before = self.lexer;
        while self.lexer.accept_mark(b';') {}
        let start = self.lexer;
        let Some(first) = self.lexer.peek() else {
            return self.ambiguous(before);
        };
        let head = head::read(start, in_literal);
        let end = stored_body::skip(&mut self.lexer, head.body);
        if self.lexer.is_ambiguous() {
            return self.ambiguous(before);
        }
        let text = self.lexer.slice(first.start, end);
        let mut kind = head.kind;
        if self.lexer.comments() > start.comments() {
            match executable_comments::merge(start, self.lexer, head, in_literal) {
                Some(merged) => kind = merged,
                None => return self.ambiguous(before),
            }
        } else if self.lexer.dialect() == Dialect::Postgres
            && !kind.effect(Dialect::Postgres).is_guarded()
        {
            kind = settings::changed(text)
                .or_else(|| temporary::filled(text, kind))
                .unwrap_or(kind);
        } else if self.lexer.dialect() == Dialect::Sqlite
            && matches!(kind, Kind::Ddl | Kind::Routine | Kind::Temporary)
            && conflict::rolls_back(text)
        {
            kind = Kind::RollbackOnConflict;
        }
        Some(Statement {
            text,
            offset: first.start,
            kind,
            dialect: self.lexer.dialect(),
        })
    }
}

impl<'a> Statements<'a> {
    /// Returns the rest of the text as one ambiguous statement, if servers disagree on how to read it.
    fn ambiguous(&mut self, mut rest: Lexer<'a>) -> Option<Statement<'a>> {
        let blank = rest.offset();
        while rest.accept_mark(b';') {}
        let first = rest.next();
        self.lexer.finish();
        let text = self.lexer.slice(blank, self.lexer.offset());
        let start = match first {
            Some(token) => token.start,
            None if rest.is_ambiguous() => {
                self.lexer.offset() - text.trim_start_matches(is_blank).len()
            }
            None => return None,
        };
        Some(Statement {
            text: self
                .lexer
                .slice(start, self.lexer.offset())
                .trim_ascii_end(),
            offset: start,
            kind: Kind::Ambiguous,
            dialect: self.lexer.dialect(),
        })
    }
}

/// Returns the kind of the first guarded statement in a text that MySQL runs from a literal.
pub(crate) fn in_literal(sql: &str) -> Option<Kind> {
    statements(sql, Dialect::MySql)
        .find(|statement| statement.effect().is_guarded())
        .map(|statement| statement.kind)
}

fn is_blank(c: char) -> bool {
    c == ';' || c.is_ascii_whitespace()
}

impl core::iter::FusedIterator for Statements<'_> {}

#[cfg(test)]
mod tests;
