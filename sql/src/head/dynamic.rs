//! SQL in a literal that the server runs: MySQL's `PREPARE`, MariaDB's `EXECUTE IMMEDIATE`.

use super::words::InLiteral;
use crate::kind::Kind;
use crate::lexer::Lexer;
use crate::token::Shape;

/// Reads on after MySQL's `PREPARE`: `name FROM 'a'`.
pub(super) fn prepare(lexer: &mut Lexer<'_>, in_literal: InLiteral) -> Kind {
    lexer.next_inside();
    read(*lexer, "from", in_literal).unwrap_or(Kind::Prepare)
}

/// Reads on after MySQL's `EXECUTE`: MariaDB's `IMMEDIATE 'a'`. In parentheses, in pieces, with an introducer, and in
/// hexadecimal, MariaDB 10.11 was seen to run it.
pub(super) fn execute(lexer: &mut Lexer<'_>, in_literal: InLiteral) -> Kind {
    read(*lexer, "immediate", in_literal).unwrap_or(Kind::Execute)
}

/// The first statement that is guarded in the literal behind a keyword. Any other expression is not seen through.
fn read(mut lexer: Lexer<'_>, keyword: &str, in_literal: InLiteral) -> Option<Kind> {
    if !lexer.accept(keyword) {
        return None;
    }
    while lexer.accept_mark(b'(') {}
    let first = lexer.peek()?;
    match first.shape {
        Shape::Text => read_literal(lexer, in_literal),
        // `0x636f6d6d6974`
        Shape::Number => Some(Kind::Ambiguous),
        Shape::Word => {
            lexer.next_inside();
            let next = lexer.peek()?;
            match next.shape {
                Shape::Text if first.is_any(&["x", "b"]) => Some(Kind::Ambiguous),
                // `_utf8mb4'a'`, `N'a'`
                Shape::Text => read_literal(lexer, in_literal),
                _ if first.text.starts_with('_') => Some(Kind::Ambiguous),
                _ => None,
            }
        }
        _ => None,
    }
}

fn read_literal(mut lexer: Lexer<'_>, in_literal: InLiteral) -> Option<Kind> {
    let first = lexer.next_inside()?;
    let is_one = !lexer.peek().is_some_and(|next| next.shape == Shape::Text);
    let quote = first.text.get(..1)?;
    let content = first.text.get(1..)?;
    let content = content.strip_suffix(quote).unwrap_or(content);
    if is_one && !content.contains(['\\', '\'', '"']) {
        return in_literal(content);
    }
    read_escaped(content, quote, lexer, in_literal)
}

/// The same with escapes, or with literals side by side, which are one: MySQL 8.4 manual 11.1.1 "String Literals".
/// A text that is longer than the buffer is ambiguous.
#[inline(never)]
fn read_escaped<'a>(
    first: &'a str,
    quote: &'a str,
    mut lexer: Lexer<'a>,
    in_literal: InLiteral,
) -> Option<Kind> {
    let mut text = Unescaped {
        bytes: [0; Unescaped::ROOM],
        length: 0,
    };
    let mut fits = text.push(first, quote);
    while fits
        && let Some(next) = lexer.next_inside()
        && next.shape == Shape::Text
    {
        let quote = next.text.get(..1)?;
        let content = next.text.get(1..)?;
        fits = text.push(content.strip_suffix(quote).unwrap_or(content), quote);
    }
    match text.as_str() {
        Some(sql) if fits => in_literal(sql),
        _ => Some(Kind::Ambiguous),
    }
}

struct Unescaped {
    bytes: [u8; Self::ROOM],
    length: usize,
}

impl Unescaped {
    const ROOM: usize = 512;

    fn as_str(&self) -> Option<&str> {
        core::str::from_utf8(self.bytes.get(..self.length)?).ok()
    }

    /// Whether there was room for it.
    fn push(&mut self, content: &str, quote: &str) -> bool {
        let mut bytes = content.bytes();
        while let Some(byte) = bytes.next() {
            let byte = match byte {
                b'\\' => match bytes.next() {
                    Some(b'n') => b'\n',
                    Some(b't') => b'\t',
                    Some(b'r') => b'\r',
                    Some(b'0') => 0,
                    Some(b'b') => 8,
                    Some(b'Z') => 26,
                    Some(other) => other,
                    None => break,
                },
                _ => {
                    // Written twice.
                    if quote.as_bytes().contains(&byte) {
                        bytes.next();
                    }
                    byte
                }
            };
            let Some(place) = self.bytes.get_mut(self.length) else {
                return false;
            };
            *place = byte;
            self.length += 1;
        }
        true
    }
}
