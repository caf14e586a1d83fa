//! The kind of a statement, from its first words: the first keyword decides, and a second one where it must.

mod compound_kind;
mod create;
mod dynamic;
mod pragma;
mod set;
mod simple;
mod words;

pub(crate) use self::dynamic::literal;
pub(crate) use self::set::postgres_setting;
pub(crate) use self::simple::read as read_simple;
pub(crate) use self::words::{Head, InLiteral};

use crate::lexer::Lexer;
use crate::stored_body::Body;

/// Reads the statement that starts here.
pub(crate) fn read(lexer: Lexer<'_>, in_literal: InLiteral) -> Head {
    let head = simple::read(lexer, in_literal);
    if head.body == Body::Compound {
        compound_kind::read(lexer, head.kind, in_literal)
    } else {
        head
    }
}

#[cfg(test)]
mod tests;
