//! The tokens of a text.

/// A piece of a statement that is neither whitespace nor a comment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub(crate) shape: Shape,
    pub(crate) text: &'a str,
    pub(crate) start: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A keyword, or an identifier without quotes.
    Word,
    /// An identifier in quotes, backticks or brackets.
    Name,
    /// A string, in any kind of quotes.
    Text,
    Number,
    /// A parameter with a name or a number.
    Parameter,
    /// Any other single byte.
    Mark(u8),
}

impl<'a> Token<'a> {
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(crate) fn is(&self, keyword: &str) -> bool {
        self.shape == Shape::Word && self.text.eq_ignore_ascii_case(keyword)
    }

    pub(crate) fn is_any(&self, keywords: &[&str]) -> bool {
        keywords.iter().any(|keyword| self.is(keyword))
    }

    pub(crate) fn is_mark(&self, mark: u8) -> bool {
        self.shape == Shape::Mark(mark)
    }

    /// Whether this identifier names `name`, in quotes or without.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.identifier()
            .is_some_and(|text| text.eq_ignore_ascii_case(name))
    }

    /// Returns the identifier without its quotes; a doubled quote inside stays doubled.
    pub(crate) fn identifier(&self) -> Option<&'a str> {
        match self.shape {
            Shape::Word => Some(self.text),
            Shape::Name => self.text.get(1..self.text.len().saturating_sub(1)),
            _ => None,
        }
    }

    /// The word in lower case, to `match` on; empty for whatever is no keyword.
    pub(crate) fn keyword(&self) -> Keyword {
        let mut keyword = Keyword {
            bytes: [0; Keyword::LONGEST],
            length: 0,
        };
        if self.shape == Shape::Word && self.text.len() <= Keyword::LONGEST {
            keyword.length = self.text.len();
            for (lower, byte) in keyword.bytes.iter_mut().zip(self.text.bytes()) {
                *lower = byte.to_ascii_lowercase();
            }
        }
        keyword
    }
}

/// A keyword in lower case.
pub(crate) struct Keyword {
    bytes: [u8; Self::LONGEST],
    length: usize,
}

impl Keyword {
    /// No keyword that a `match` in this crate names is longer.
    const LONGEST: usize = 16;

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
