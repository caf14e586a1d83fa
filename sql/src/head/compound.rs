use super::{Head, read_simple};
use crate::Kind;
use crate::block::{Block, Step};
use crate::body::Body;
use crate::lexer::Lexer;

/// Reads a MariaDB compound statement from its first word. Unlike a stored body it runs here and now, so what its
/// statements do to the transaction is done.
pub(super) fn read(mut lexer: Lexer<'_>) -> Head {
    let mut block = Block::compound();
    let mut kind = Kind::Compound;
    loop {
        let before = lexer;
        let Some(token) = lexer.next() else { break };
        match block.step(&token, &mut lexer) {
            Step::Inside => {}
            Step::Statement if controls(before) => kind = Kind::CompoundControl,
            Step::Statement => {}
            Step::Done => break,
        }
    }
    Head {
        kind,
        body: Body::Compound,
    }
}

fn controls(statement: Lexer<'_>) -> bool {
    read_simple(statement)
        .kind
        .effect(statement.dialect())
        .controls_transaction()
}
