//! The packets of MySQL and MariaDB: <https://mariadb.com/kb/en/clientserver-protocol/>.
//!
//! The kind of a server packet depends on the request, and on the packets before it in the same answer.

use super::Wire;
use super::message::End;
use super::protocol::{Frame, Protocol, text};

impl Wire for sqlx::MySql {
    const IN_THE_CLEAR: &'static str = "ssl-mode=DISABLED";

    fn protocol() -> Box<dyn Protocol> {
        Box::new(MySql {
            expected: Expected::Login,
            capabilities: [0; 2],
            has_logged_in: false,
        })
    }
}

/// The client wants no packet behind the columns, and an OK in place of the one behind the rows.
const DEPRECATE_EOF: u32 = 1 << 24;

const SERVER_STATUS_IN_TRANS: u16 = 1;
const SERVER_MORE_RESULTS_EXISTS: u16 = 8;

/// A packet of this length goes on in the next.
const LONGEST: usize = 0xff_ff_ff;

struct MySql {
    expected: Expected,
    /// Of the server and of the client. What both have is in use.
    capabilities: [u32; 2],
    has_logged_in: bool,
}

/// The kind of the server's next packet.
#[derive(Clone, Copy)]
enum Expected {
    /// Part of the login.
    Login,
    /// The beginning of a result.
    Result,
    /// The beginning of the answer to a PREPARE.
    Prepared,
    /// One of so many descriptions of columns or parameters, with rows behind them or nothing.
    Definition { left: usize, has_rows: bool },
    /// A row, or the end of all.
    Row,
    /// Nothing.
    Silence,
}

impl Protocol for MySql {
    fn read(&mut self, from: End, bytes: &[u8]) -> Option<Frame> {
        let mut body = Vec::new();
        let mut length = 0;
        loop {
            let &[low, middle, high, _sequence] = bytes.get(length..length + 4)? else {
                return None;
            };
            let part = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
            body.extend_from_slice(bytes.get(length + 4..length + 4 + part)?);
            length += 4 + part;
            if part < LONGEST {
                break;
            }
        }
        let text = match from {
            End::Client => self.request(&body),
            End::Server => self.answer(&body),
        };
        let ends_answer = from == End::Server && matches!(self.expected, Expected::Silence);
        Some(Frame {
            length,
            text,
            ends_answer,
        })
    }
}

impl MySql {
    fn request(&mut self, body: &[u8]) -> String {
        if !self.has_logged_in {
            let is_first = self.capabilities[1] == 0;
            if is_first {
                self.capabilities[1] = number(body, 0, 4);
            }
            return if is_first { "Login" } else { "Auth" }.to_owned();
        }
        let (command, argument) = body.split_first().unwrap_or((&0, &[]));
        let (name, expected) = match command {
            0x01 => ("COM_QUIT", Expected::Silence),
            0x03 => ("COM_QUERY", Expected::Result),
            0x0e => ("COM_PING", Expected::Result),
            0x16 => ("COM_STMT_PREPARE", Expected::Prepared),
            0x17 => ("COM_STMT_EXECUTE", Expected::Result),
            0x19 => ("COM_STMT_CLOSE", Expected::Silence),
            other => {
                self.expected = Expected::Result;
                return format!("COM_{other:#04x}");
            }
        };
        self.expected = expected;
        match command {
            0x03 | 0x16 => format!("{name} \"{}\"", text(argument)),
            _ => name.to_owned(),
        }
    }

    fn answer(&mut self, body: &[u8]) -> String {
        let first = body.first().copied().unwrap_or_default();
        if first == 0xff {
            self.expected = Expected::Silence;
            return format!("ERR {}", number(body, 1, 2));
        }
        match self.expected {
            Expected::Login => self.login(first, body),
            Expected::Prepared => {
                let (columns, parameters) = (number(body, 5, 2), number(body, 7, 2));
                let definitions = self.definitions(columns) + self.definitions(parameters);
                self.expect(definitions, false);
                "PREPARED".to_owned()
            }
            Expected::Definition { left, has_rows } => {
                self.expect(left - 1, has_rows);
                "Column".to_owned()
            }
            Expected::Row if first == 0xfe => self.ok(body),
            Expected::Row => "Row".to_owned(),
            Expected::Result | Expected::Silence if first == 0 => self.ok(body),
            Expected::Result | Expected::Silence => {
                let (columns, _) = length_encoded(body);
                self.expect(self.definitions(columns), true);
                "ResultSet".to_owned()
            }
        }
    }

    fn login(&mut self, first: u8, body: &[u8]) -> String {
        match first {
            0x0a => {
                // The version, the thread, half of the scramble and a filler come first.
                let version = body.iter().position(|byte| *byte == 0).unwrap_or_default();
                let at = version + 1 + 4 + 8 + 1;
                // The other half comes behind the character set and the status.
                self.capabilities[0] = number(body, at, 2) | number(body, at + 5, 2) << 16;
                "Greeting".to_owned()
            }
            0 => {
                self.has_logged_in = true;
                self.ok(body)
            }
            _ => "Auth".to_owned(),
        }
    }

    /// Definitions come with an end of their own, unless both sides can do without.
    fn definitions(&self, columns: u32) -> usize {
        let has_end = columns > 0 && !self.deprecates_eof();
        columns as usize + usize::from(has_end)
    }

    fn expect(&mut self, definitions: usize, has_rows: bool) {
        self.expected = match definitions {
            0 if has_rows => Expected::Row,
            0 => Expected::Silence,
            left => Expected::Definition { left, has_rows },
        };
    }

    /// An OK, or the EOF that older clients get in its place.
    fn ok(&mut self, body: &[u8]) -> String {
        let is_eof = body.first() == Some(&0xfe) && !self.deprecates_eof();
        let at = if is_eof {
            3
        } else {
            let (_, affected) = length_encoded(&body[1..]);
            let (_, last_id) = length_encoded(body.get(1 + affected..).unwrap_or_default());
            1 + affected + last_id
        };
        let status = number(body, at, 2) as u16;
        self.expected = match status & SERVER_MORE_RESULTS_EXISTS {
            0 => Expected::Silence,
            _ => Expected::Result,
        };
        match status & SERVER_STATUS_IN_TRANS {
            0 => "OK(I)".to_owned(),
            _ => "OK(T)".to_owned(),
        }
    }

    fn deprecates_eof(&self) -> bool {
        self.capabilities[0] & self.capabilities[1] & DEPRECATE_EOF != 0
    }
}

/// A number of fixed length, the lowest byte first; 0 where it is missing.
fn number(bytes: &[u8], at: usize, length: usize) -> u32 {
    let bytes = bytes.get(at..at + length).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// A number that says how long it is, and how many bytes it takes.
fn length_encoded(bytes: &[u8]) -> (u32, usize) {
    match bytes.first() {
        Some(0xfc) => (number(bytes, 1, 2), 3),
        Some(0xfd) => (number(bytes, 1, 3), 4),
        // The truncated bits are those above 2^32.
        Some(0xfe) => (number(bytes, 1, 4), 9),
        Some(&byte) => (u32::from(byte), 1),
        None => (0, 0),
    }
}
