use super::{Head, read_simple};
use crate::Kind;
use crate::block::{Block, Step};
use crate::body::Body;
use crate::lexer::Lexer;

/// Between two semicolons there is one simple statement, labels apart. That more of them are read keeps room for what
/// only looks like one; without an end to it, a malformed text would be read to its end once for each.
const BETWEEN_SEMICOLONS: usize = 16;

/// Reads a MariaDB compound statement from its first word. Unlike a stored body it runs here and now, so what its
/// statements do to the transaction is done.
pub(super) fn read(mut lexer: Lexer<'_>, mut kind: Kind) -> Head {
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
                    with(kind, before)
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

/// What the whole is with this statement in it.
fn with(whole: Kind, statement: Lexer<'_>) -> Kind {
    let effect = read_simple(statement).kind.effect(statement.dialect());
    if effect.controls_transaction() {
        Kind::CompoundControl
    } else if effect.changes_reading() {
        Kind::SetReading
    } else {
        whole
    }
}
