//! Finds the end of a compound statement, and the simple statements in it.

use crate::lexer::Lexer;
use crate::set_statement::skip_statement_variables;
use crate::token::{Shape, Token};

/// Finds the end of a MySQL stored body or a MariaDB compound statement: MySQL 8.4 manual 15.6 "Compound Statement
/// Syntax", MariaDB "Using Compound Statements Outside of Stored Programs".
///
/// `BEGIN` and `END` are not reserved, and `IF` and `REPEAT` are also functions. What tells them apart is where they
/// stand: a block opens and closes where a statement can start. A `CASE` that stands elsewhere is an expression, and
/// holds no statements; neither does anything in parentheses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// Between `CREATE` and the first word of the body.
    header: bool,
    /// A statement can start here.
    at_statement: bool,
    /// The token before this one was a word where a statement can start, perhaps a label.
    after_label: bool,
    /// No `FOR` is left before the next semicolon, as a `SET STATEMENT` has found.
    without_for: bool,
    blocks: usize,
    /// Open `CASE` expressions.
    cases: usize,
    parentheses: usize,
    before: Before,
}

/// The meaning that the previous token gives to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// After a dot or `AS`: a name, whatever word it is.
    Name,
    /// At the start, and after `BEFORE`, `AFTER`, `OR`, `RETURNS`: part of the header, whatever verb it is.
    Header,
    /// After `PROCEDURE`, `EVENT` ..: the object's name, or `IF NOT EXISTS`.
    Object,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Somewhere inside.
    Inside,
    /// At the first word of a simple statement inside.
    Statement,
    /// At the semicolon after it all.
    Done,
}

impl Block {
    /// From the `CREATE` of a stored program.
    pub(crate) fn routine() -> Self {
        Self {
            header: true,
            at_statement: false,
            after_label: false,
            without_for: false,
            blocks: 0,
            cases: 0,
            parentheses: 0,
            // `ALTER EVENT`: its own verb is not the body's.
            before: Before::Header,
        }
    }

    /// From the first word of a compound statement.
    pub(crate) fn compound() -> Self {
        Self {
            header: false,
            at_statement: true,
            ..Self::routine()
        }
    }

    /// Processes one token; the lexer is after it.
    pub(crate) fn step(&mut self, token: &Token<'_>, lexer: &mut Lexer<'_>) -> Step {
        let step = match token.shape {
            Shape::Mark(mark) => self.mark(mark),
            Shape::Word if self.parentheses == 0 && self.before != Before::Name => {
                self.word(token, lexer)
            }
            _ => {
                self.leave_position();
                Step::Inside
            }
        };
        self.before = match token.keyword().as_bytes() {
            b"as" => Before::Name,
            b"before" | b"after" | b"or" | b"returns" => Before::Header,
            b"procedure" | b"function" | b"trigger" | b"event" => Before::Object,
            _ if token.is_mark(b'.') => Before::Name,
            _ => Before::Other,
        };
        step
    }

    fn mark(&mut self, mark: u8) -> Step {
        match mark {
            b';' if self.blocks == 0 => return Step::Done,
            b';' => {
                self.parentheses = 0;
                self.cases = 0;
                self.without_for = false;
                self.enter_position();
            }
            b':' if self.after_label => self.enter_position(),
            _ => {
                self.leave_position();
                match mark {
                    b'(' => self.parentheses += 1,
                    b')' => self.parentheses = self.parentheses.saturating_sub(1),
                    _ => {}
                }
            }
        }
        Step::Inside
    }

    fn word(&mut self, token: &Token<'_>, lexer: &mut Lexer<'_>) -> Step {
        let at_statement = self.at_statement;
        let can_open = at_statement || self.header;
        self.leave_position();
        self.after_label = at_statement;
        match token.keyword().as_bytes() {
            b"begin" if can_open => {
                if lexer.accept("not") {
                    lexer.accept("atomic");
                }
                self.open_before_statement();
            }
            b"loop" | b"repeat" if can_open => self.open_before_statement(),
            b"if" if at_statement || (self.header && self.before != Before::Object) => self.open(),
            b"case" | b"while" if can_open => self.open(),
            b"for" if can_open && !lexer.peek().is_some_and(|next| next.is("each")) => self.open(),
            b"case" => self.cases += 1,
            b"end" if self.cases > 0 => self.cases -= 1,
            // `UNTIL done END REPEAT` is the one that has no semicolon before it.
            b"end" if at_statement || lexer.peek().is_some_and(|next| next.is("repeat")) => {
                self.blocks = self.blocks.saturating_sub(1);
                self.after_label = false;
                skip_what_ends(lexer);
            }
            b"then" | b"else" if self.cases == 0 && self.blocks > 0 => self.enter_position(),
            // `WHILE a DO`. A `DO` where a statement can start is one itself.
            b"do" if !at_statement && self.blocks > 0 => self.enter_position(),
            // MariaDB's `SET STATEMENT a = 1 FOR b`, where b may be a block.
            b"set"
                if at_statement
                    && !self.without_for
                    && lexer.accept("statement")
                    && self.skip_variables(lexer) =>
            {
                self.enter_position();
            }
            b"declare" if at_statement => {
                self.at_statement = skip_handler(lexer);
                self.after_label = false;
            }
            _ if at_statement => return Step::Statement,
            verb if self.header && self.before != Before::Header && is_verb(verb) => {
                self.header = false
            }
            _ => {}
        }
        Step::Inside
    }

    fn open(&mut self) {
        self.blocks += 1;
        self.header = false;
    }

    fn open_before_statement(&mut self) {
        self.open();
        self.enter_position();
    }

    fn enter_position(&mut self) {
        self.at_statement = true;
        self.after_label = false;
    }

    fn skip_variables(&mut self, lexer: &mut Lexer<'_>) -> bool {
        self.without_for = skip_statement_variables(lexer).is_none();
        !self.without_for
    }

    fn leave_position(&mut self) {
        self.at_statement = false;
        self.after_label = false;
    }
}

/// `EXIT HANDLER FOR NOT FOUND, SQLSTATE VALUE '42S01', 1051`, behind which a statement starts: MySQL 8.4 manual
/// 15.6.7.2 "DECLARE ... HANDLER Statement".
fn skip_handler(lexer: &mut Lexer<'_>) -> bool {
    if !(lexer.accept_any(&["continue", "exit", "undo"]) && lexer.accept("handler")) {
        return false;
    }
    lexer.accept("for");
    loop {
        if lexer.accept("sqlstate") {
            lexer.accept("value");
        } else {
            lexer.accept("not");
        }
        if !lexer.peek().is_some_and(|next| next.is_mark(b';')) {
            lexer.next();
        }
        if !lexer.accept_mark(b',') {
            return true;
        }
    }
}

/// `END IF`, `END LOOP`: the second word opens nothing.
fn skip_what_ends(lexer: &mut Lexer<'_>) {
    lexer.accept_any(&["if", "case", "loop", "while", "repeat", "for"]);
}

/// The first word of a body that is one simple statement.
fn is_verb(word: &[u8]) -> bool {
    matches!(
        word,
        b"select"
            | b"insert"
            | b"update"
            | b"delete"
            | b"replace"
            | b"with"
            | b"set"
            | b"call"
            | b"return"
            | b"signal"
            | b"truncate"
            | b"drop"
            | b"alter"
            | b"commit"
            | b"rollback"
    )
}
