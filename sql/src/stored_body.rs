//! Finds the end of a statement that holds other statements, such as the body of a trigger.

use crate::compound::{Block, Step};
use crate::lexer::Lexer;

/// How a statement holds other statements, whose semicolons do not end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// It holds none.
    None,
    /// `CREATE RULE .. DO (a; b)` (PostgreSQL).
    Parentheses,
    /// `CREATE FUNCTION .. BEGIN ATOMIC a; b; END` (PostgreSQL).
    Atomic,
    /// `CREATE TRIGGER .. BEGIN a; b; END` (SQLite).
    Trigger,
    /// `CREATE PROCEDURE .. BEGIN a; IF b THEN c; END IF; END` (MySQL).
    Routine,
    /// `BEGIN NOT ATOMIC a; b; END` (MariaDB).
    Compound,
}

/// Reads past a statement and its semicolon, and returns the end of its last token.
pub(crate) fn skip(lexer: &mut Lexer<'_>, body: Body) -> usize {
    match body {
        Body::None => skip_plain(lexer),
        Body::Parentheses => skip_parentheses(lexer),
        Body::Atomic => skip_to_end(lexer, true),
        Body::Trigger => skip_to_end(lexer, false),
        Body::Routine => skip_block(lexer, Block::routine()),
        Body::Compound => skip_block(lexer, Block::compound()),
    }
}

fn skip_plain(lexer: &mut Lexer<'_>) -> usize {
    let mut end = 0;
    while let Some(token) = lexer.next_inside() {
        end = token.end();
    }
    end
}

fn skip_parentheses(lexer: &mut Lexer<'_>) -> usize {
    let mut end = 0;
    let mut depth = 0_usize;
    for token in lexer {
        if token.is_mark(b';') && depth == 0 {
            break;
        }
        if token.is_mark(b'(') {
            depth += 1;
        } else if token.is_mark(b')') {
            depth = depth.saturating_sub(1);
        }
        end = token.end();
    }
    end
}

/// A body of plain statements, each with its semicolon, so that only an `END` that follows one closes it. No word of
/// an expression can stand there, be it a column's name or the `END` of a `CASE` (`routine_body_stmt_list` in
/// PostgreSQL's gram.y, `trigger_cmd_list` in SQLite's parse.y).
fn skip_to_end(lexer: &mut Lexer<'_>, atomic: bool) -> usize {
    let mut end = 0;
    let mut inside = false;
    let mut at_statement = false;
    while let Some(token) = lexer.next() {
        if token.is_mark(b';') && !inside {
            break;
        }
        end = token.end();
        if inside {
            inside = !(at_statement && token.is("end"));
            at_statement = token.is_mark(b';');
        } else if token.is("begin")
            && (!atomic || lexer.peek().is_some_and(|next| next.is("atomic")))
        {
            if atomic {
                lexer.next();
                end = lexer.offset();
            }
            inside = true;
            at_statement = true;
        }
    }
    end
}

fn skip_block(lexer: &mut Lexer<'_>, mut block: Block) -> usize {
    let mut end = 0;
    while let Some(token) = lexer.next() {
        if block.step(&token, lexer) == Step::Done {
            break;
        }
        end = lexer.offset();
    }
    end
}
