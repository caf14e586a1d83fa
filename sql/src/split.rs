use crate::lexer::Lexer;
use crate::{Dialect, Effect, Kind, body, head};

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
    /// What it is.
    pub kind: Kind,
    /// Whose SQL it was read as.
    pub dialect: Dialect,
}

impl Statement<'_> {
    /// What it does to the transaction that it is sent in.
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
        while self.lexer.accept_mark(b';') {}
        let offset = self.lexer.peek()?.start;
        let head = head::read(self.lexer);
        let end = body::skip(&mut self.lexer, head.body);
        let text = self.lexer.slice(offset, end);
        Some(Statement {
            text,
            offset,
            kind: head.kind,
            dialect: self.lexer.dialect(),
        })
    }
}

impl core::iter::FusedIterator for Statements<'_> {}

#[cfg(test)]
mod tests;
