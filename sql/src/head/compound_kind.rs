//! The kind of a compound statement, from the statements in it.

use super::simple;
use super::words::{Head, InLiteral};
use crate::compound::{Block, Step};
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::stored_body::Body;

/// Between two semicolons there is one simple statement, labels apart. That more of them are read keeps room for what
/// only looks like one; without an end to it, a malformed text would be read to its end once for each.
const BETWEEN_SEMICOLONS: usize = 16;

/// Reads a MariaDB compound statement from its first word. Unlike a stored body it runs at once, so the effects of its
/// statements count.
pub(super) fn read(mut lexer: Lexer<'_>, mut kind: Kind, in_literal: InLiteral) -> Head {
    let mut block = Block::compound();
    let mut read = 0;
    loop {
        let before = lexer;
        let Some(token) = lexer.next() else { break };
        if token.is_mark(b';') {
            read = 0;
        }
        match block.step(&token, &mut lexer) {
            Step::Inside => {}
            Step::Statement if kind == Kind::CompoundControl => {}
            Step::Statement => {
                let is_label = lexer.peek().is_some_and(|next| next.is_mark(b':'));
                read += usize::from(!is_label);
                kind = if read > BETWEEN_SEMICOLONS {
                    Kind::CompoundControl
                } else {
                    with(kind, before, in_literal)
                };
            }
            Step::Done => break,
        }
    }
    Head {
        kind,
        body: Body::Compound,
    }
}

/// Returns the kind of a compound statement with this statement in it.
fn with(whole: Kind, statement: Lexer<'_>, in_literal: InLiteral) -> Kind {
    let effect = simple::read(statement, in_literal)
        .kind
        .effect(statement.dialect());
    if effect.controls_transaction() {
        Kind::CompoundControl
    } else if effect.changes_reading() {
        Kind::SetReading
    } else {
        whole
    }
}
