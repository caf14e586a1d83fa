//! The messages of PostgreSQL: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

use super::Wire;
use super::message::End;
use super::protocol::{Frame, Protocol, text};

impl Wire for sqlx::Postgres {
    const IN_THE_CLEAR: &'static str = "sslmode=disable";

    fn protocol() -> Box<dyn Protocol> {
        Box::<Postgres>::default()
    }
}

/// The first message of a connection has no type.
#[derive(Default)]
struct Postgres {
    has_started: bool,
}

impl Protocol for Postgres {
    fn read(&mut self, from: End, bytes: &[u8]) -> Option<Frame> {
        let is_typed = from == End::Server || self.has_started;
        let start = usize::from(is_typed);
        let length = bytes.get(start..start + 4)?.try_into().ok()?;
        let length = start + u32::from_be_bytes(length) as usize;
        let message = bytes.get(..length)?;
        let body = message.get(start + 4..).unwrap_or_default();
        let text = match (is_typed, from) {
            (false, _) => {
                self.has_started = true;
                first(body)
            }
            (true, End::Client) => request(message[0], body),
            (true, End::Server) => answer(message[0], body),
        };
        let ends_answer = from == End::Server && message[0] == b'Z';
        Some(Frame {
            length,
            text,
            ends_answer,
        })
    }
}

fn first(body: &[u8]) -> String {
    let code = body.get(..4).and_then(|code| code.try_into().ok());
    match code.map(i32::from_be_bytes) {
        Some(80_877_102) => "CancelRequest".to_owned(),
        Some(80_877_103) => "SSLRequest".to_owned(),
        _ => "Startup".to_owned(),
    }
}

fn request(kind: u8, body: &[u8]) -> String {
    let name = match kind {
        b'Q' => return format!("Query \"{}\"", text(body)),
        b'P' => {
            // The name of the statement comes first.
            let name = body
                .iter()
                .position(|byte| *byte == 0)
                .map_or(0, |end| end + 1);
            return format!("Parse \"{}\"", text(&body[name..]));
        }
        b'B' => "Bind",
        b'C' => "Close",
        b'D' => "Describe",
        b'E' => "Execute",
        b'F' => "FunctionCall",
        b'H' => "Flush",
        b'S' => "Sync",
        b'X' => "Terminate",
        b'c' => "CopyDone",
        b'd' => "CopyData",
        b'f' => "CopyFail",
        // A password, or a step of SASL.
        b'p' => "Password",
        other => return format!("{:?}", char::from(other)),
    };
    name.to_owned()
}

fn answer(kind: u8, body: &[u8]) -> String {
    let name = match kind {
        b'C' => return format!("CommandComplete \"{}\"", text(body)),
        b'E' => return format!("ErrorResponse {}", sqlstate(body)),
        b'N' => return format!("NoticeResponse {}", sqlstate(body)),
        b'Z' => return format!("ReadyForQuery({})", text(body)),
        b'1' => "ParseComplete",
        b'2' => "BindComplete",
        b'3' => "CloseComplete",
        b'A' => "NotificationResponse",
        b'D' => "DataRow",
        b'G' => "CopyInResponse",
        b'H' => "CopyOutResponse",
        b'I' => "EmptyQueryResponse",
        b'K' => "BackendKeyData",
        b'R' => "Authentication",
        b'S' => "ParameterStatus",
        b'T' => "RowDescription",
        b'c' => "CopyDone",
        b'd' => "CopyData",
        b'n' => "NoData",
        b's' => "PortalSuspended",
        b't' => "ParameterDescription",
        other => return format!("{:?}", char::from(other)),
    };
    name.to_owned()
}

/// The field `C` of an error: each is a letter and a text that ends with a zero.
fn sqlstate(body: &[u8]) -> String {
    let mut fields = body.split(|byte| *byte == 0);
    fields
        .find_map(|field| field.strip_prefix(b"C"))
        .map(text)
        .unwrap_or_default()
}
