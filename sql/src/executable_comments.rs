//! Statements with executable comments, which servers read in different ways.

use crate::head::{self, Head, InLiteral};
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::stored_body::{self, Body};

/// Returns the kind of a statement with executable comments. `head` is the reading of a server that executes all of
/// them, and `after` is the place after the statement. Returns `None` if a server that skips them ends the statement
/// elsewhere.
///
/// Where one reading is guarded and another is not, the guarded one counts; where they do different things, the
/// statement is ambiguous.
pub(crate) fn merge(
    start: Lexer<'_>,
    after: Lexer<'_>,
    head: Head,
    in_literal: InLiteral,
) -> Option<Kind> {
    let mut skipping = start.skipping_executable();
    let skipped = head::read(skipping, in_literal);
    let first_is_common = first_word_decides(start)
        && start.peek().map(|token| token.start) == skipping.peek().map(|token| token.start);
    stored_body::skip(&mut skipping, skipped.body);
    if skipping.offset() != after.offset() {
        return None;
    }
    let kind = either(head.kind, skipped.kind, start);
    let is_one = after.comments() - start.comments() == 1;
    if is_one || first_is_common {
        return Some(kind);
    }
    // Servers may also execute the one and skip the other.
    if head.body != Body::None || skipped.body != Body::None {
        return None;
    }
    let is_found = kind.effect(start.dialect()).controls_transaction();
    Some(if is_found { kind } else { Kind::Ambiguous })
}

fn either(executed: Kind, skipped: Kind, lexer: Lexer<'_>) -> Kind {
    let [of_executed, of_skipped] = [executed, skipped].map(|kind| kind.effect(lexer.dialect()));
    match (of_executed.is_guarded(), of_skipped.is_guarded()) {
        _ if of_executed == of_skipped => executed,
        (true, true) => Kind::Ambiguous,
        (false, true) => skipped,
        // A server that skips them leaves something that one that executes them does not.
        (false, false) if of_skipped.leaks_to_session() && !of_executed.leaks_to_session() => {
            skipped
        }
        _ => executed,
    }
}

/// Whether the first word alone decides the kind of the statement.
fn first_word_decides(lexer: Lexer<'_>) -> bool {
    lexer.peek().is_some_and(|first| {
        first.is_any(&[
            "select", "values", "insert", "replace", "update", "delete", "with", "call",
        ])
    })
}
