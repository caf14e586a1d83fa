//! The result of reading the first words of a statement.

use crate::kind::Kind;
use crate::stored_body::Body;

/// The kind of a statement, and how it holds other statements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    pub(crate) body: Body,
}

impl From<Kind> for Head {
    fn from(kind: Kind) -> Self {
        Self {
            kind,
            body: Body::None,
        }
    }
}

/// Returns the kind of the first guarded statement in the text of a literal that the server runs: `PREPARE a FROM 'b'`.
///
/// The reader of whole texts is above this folder, so it passes itself in.
pub(crate) type InLiteral = fn(&str) -> Option<Kind>;
