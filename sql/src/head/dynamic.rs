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
    let mut found = None;
    match literal(lexer, &mut |sql| found = in_literal(sql)) {
        Content::Unclear => Some(Kind::Ambiguous),
        Content::Read | Content::None => found,
    }
}

/// What became of an expression that the server runs as a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// It is a literal, and its text was read.
    Read,
    /// It is a literal whose text is not known.
    Unclear,
    /// It is none.
    None,
}

/// Gives the text of the literal that follows to `each`.
pub(crate) fn literal(mut lexer: Lexer<'_>, each: &mut dyn FnMut(&str)) -> Content {
    while lexer.accept_mark(b'(') {}
    let Some(first) = lexer.peek() else {
        return Content::None;
    };
    match first.shape {
        Shape::Text => read_literal(lexer, each),
        // `0x636f6d6d6974`
        Shape::Number => Content::Unclear,
        Shape::Word => {
            lexer.next_inside();
            match lexer.peek().map(|next| next.shape) {
                Some(Shape::Text) if first.is_any(&["x", "b"]) => Content::Unclear,
                // `_utf8mb4'a'`, `N'a'`
                Some(Shape::Text) => read_literal(lexer, each),
                Some(_) if first.text.starts_with('_') => Content::Unclear,
                _ => Content::None,
            }
        }
        _ => Content::None,
    }
}

fn read_literal(mut lexer: Lexer<'_>, each: &mut dyn FnMut(&str)) -> Content {
    let first = lexer.next_inside();
    let Some((quote, content)) = first.and_then(|first| quoted(first.text)) else {
        return Content::None;
    };
    let is_one = !lexer.peek().is_some_and(|next| next.shape == Shape::Text);
    if is_one && !content.contains(['\\', '\'', '"']) {
        each(content);
        return Content::Read;
    }
    read_escaped(content, quote, lexer, each)
}

/// Returns the quote of a literal, and what is between it and the next.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let (quote, content) = (text.get(..1)?, text.get(1..)?);
    Some((quote, content.strip_suffix(quote).unwrap_or(content)))
}

/// The same with escapes, or with literals side by side, which are one: MySQL 8.4 manual 11.1.1 "String Literals".
/// A text that is longer than the buffer is ambiguous.
#[inline(never)]
fn read_escaped<'a>(
    first: &'a str,
    quote: &'a str,
    mut lexer: Lexer<'a>,
    each: &mut dyn FnMut(&str),
) -> Content {
    let mut text = Unescaped {
        bytes: [0; Unescaped::ROOM],
        length: 0,
    };
    let mut fits = text.push(first, quote);
    while fits
        && let Some(next) = lexer.next_inside()
        && next.shape == Shape::Text
    {
        fits = quoted(next.text).is_some_and(|(quote, content)| text.push(content, quote));
    }
    match text.as_str() {
        Some(sql) if fits => {
            each(sql);
            Content::Read
        }
        _ => Content::Unclear,
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
