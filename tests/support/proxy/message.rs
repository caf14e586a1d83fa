//! The messages between a client and its server, by name.

use std::fmt;

/// One of the two that talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The side that has connected.
    Client,
    /// The side that answers.
    Server,
}

/// A message, or a packet, as its protocol frames it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Which connection it went over, counted from 0 in the order in which they were made.
    pub connection: usize,
    /// The side that sent the message.
    pub from: End,
    /// Its name in the protocol's own words, and the SQL that it holds: `Query "BEGIN"`, `ReadyForQuery(T)`,
    /// `COM_QUERY "START TRANSACTION"`, `OK(T)`.
    pub text: String,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arrow = match self.from {
            End::Client => "->",
            End::Server => "<-",
        };
        write!(f, "{} {arrow} {}", self.connection, self.text)
    }
}

/// The messages that hold SQL.
const QUERIES: &[&str] = &[
    "Query \"",
    "Parse \"",
    "COM_QUERY \"",
    "COM_STMT_PREPARE \"",
];

/// Which messages are meant.
#[derive(Clone, Debug)]
pub struct Pattern {
    from: End,
    names: Vec<String>,
    part: String,
}

impl Pattern {
    /// A client's message with SQL in which `part` stands, as written: to be run, or to be prepared.
    pub fn query(part: impl Into<String>) -> Self {
        Self {
            from: End::Client,
            names: QUERIES.iter().map(|&name| name.to_owned()).collect(),
            part: part.into(),
        }
    }

    /// A client's message, by the beginning of its name: `Startup`, `Execute`, `COM_STMT_EXECUTE`.
    pub fn request(name: impl Into<String>) -> Self {
        Self {
            from: End::Client,
            names: vec![name.into()],
            part: String::new(),
        }
    }

    /// A server's message, by the beginning of its name: `DataRow`, `Row`, `ErrorResponse 40001`.
    pub fn answer(name: impl Into<String>) -> Self {
        Self {
            from: End::Server,
            names: vec![name.into()],
            part: String::new(),
        }
    }

    pub(super) fn fits(&self, message: &Message) -> bool {
        message.from == self.from
            && self.names.iter().any(|name| message.text.starts_with(name))
            && message.text.contains(&self.part)
    }
}
