//! From a body that arrives to a sitemap, without holding the body.
//!
//! The network side is async and the XML reader is not, so each has a side of a short channel: the
//! reader on a thread for blocking work, which waits for the network when the channel is empty, and
//! holds the network up when it is full.

use std::{
    fs::File,
    io::{self, Cursor, Read},
    path::PathBuf,
};

use axum::body::Bytes;
use reqwest::Response;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::spawn_blocking,
};

use super::{Limits, Problem, http::Http, input::Input, parse::parse, sitemap::Sitemap};

/// Parts of a body that wait to be read. A part is what one read of the socket gave, at most some
/// 100 KB.
const PARTS: usize = 4;

/// Reads a sitemap from a server's answer.
///
/// # Cancel safety
///
/// Dropping the future closes the connection and ends the reading thread.
pub(super) async fn read(
    response: Response,
    http: &Http,
    limits: &Limits,
) -> Result<Sitemap, Problem> {
    let (sender, receiver) = mpsc::channel(PARTS);
    let limit = limits.file_bytes;
    let limits = limits.clone();
    let parsed =
        spawn_blocking(move || parse(Input::open(Parts::new(receiver), &limits)?, &limits));
    let sent = send(response, sender, http, limit).await;
    let parsed = join(parsed.await);
    // Where the network failed, the reader saw a file that ends too early: not the error to show.
    sent?;
    parsed
}

/// Reads a sitemap from a file.
pub(super) async fn read_file(path: PathBuf, limits: &Limits) -> Result<Sitemap, Problem> {
    let limits = limits.clone();
    let parsed = spawn_blocking(move || {
        let file = File::open(path).map_err(Problem::File)?;
        let declared = file.metadata().map_err(Problem::File)?.len();
        refuse_early(declared, limits.file_bytes)?;
        parse(Input::open(file, &limits)?, &limits)
    });
    join(parsed.await)
}

/// Reads the beginning of a small text.
pub(super) async fn read_text(
    mut response: Response,
    http: &Http,
    enough: usize,
) -> Result<Vec<u8>, Problem> {
    let mut text = Vec::new();
    while text.len() < enough
        && let Some(part) = response
            .chunk()
            .await
            .map_err(|error| http.problem(&error))?
    {
        text.extend_from_slice(&part);
    }
    text.truncate(enough);
    Ok(text)
}

/// Passes on a body until it ends, exceeds the limit, or is no longer wanted.
async fn send(
    mut response: Response,
    sender: Sender<Bytes>,
    http: &Http,
    limit: u64,
) -> Result<(), Problem> {
    refuse_early(response.content_length().unwrap_or(0), limit)?;
    let mut received = 0;
    while let Some(part) = response
        .chunk()
        .await
        .map_err(|error| http.problem(&error))?
    {
        received += part.len() as u64;
        if received > limit {
            return Err(Problem::TooLarge(limit));
        }
        // The reader has gone: it found an error, and says so itself.
        if sender.send(part).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Refuses a file that says beforehand that it is too large.
fn refuse_early(declared: u64, limit: u64) -> Result<(), Problem> {
    if declared > limit {
        Err(Problem::Declared { declared, limit })
    } else {
        Ok(())
    }
}

/// The result of the reading thread; a panic there goes on here.
fn join(
    result: Result<Result<Sitemap, Problem>, tokio::task::JoinError>,
) -> Result<Sitemap, Problem> {
    match result.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(parsed) => parsed,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_cancelled)) => Err(Problem::Interrupted("the program is ending".to_owned())),
    }
}

/// The reading side: blocks until the next part is there.
struct Parts {
    receiver: Receiver<Bytes>,
    part: Cursor<Bytes>,
}

impl Parts {
    fn new(receiver: Receiver<Bytes>) -> Self {
        Self {
            receiver,
            part: Cursor::default(),
        }
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let amount = self.part.read(buffer)?;
            if amount > 0 || buffer.is_empty() {
                return Ok(amount);
            }
            match self.receiver.blocking_recv() {
                Some(part) => self.part = Cursor::new(part),
                None => return Ok(0),
            }
        }
    }
}
