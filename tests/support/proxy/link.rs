//! One connection through the proxy.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;

use super::Shared;
use super::fault::{Fault, Place, Rule, Way};
use super::message::{End, Message};
use super::protocol::{Frame, Protocol};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Open,
    HalfOpen(Way),
    Cut,
}

impl Condition {
    /// Whether what this end sends stays where it is.
    fn stops(self, from: End) -> bool {
        match self {
            Self::Open => false,
            Self::Cut | Self::HalfOpen(Way::Both) => true,
            Self::HalfOpen(Way::ToServer) => from == End::Client,
            Self::HalfOpen(Way::ToClient) => from == End::Server,
        }
    }
}

pub(super) struct Link {
    number: usize,
    shared: Arc<Shared>,
    condition: watch::Sender<Condition>,
    /// Held for as long as the connection lives: that is how others see whether it does.
    alive: watch::Receiver<Condition>,
    talk: Mutex<Talk>,
}

/// The state shared by both directions of a connection.
struct Talk {
    protocol: Box<dyn Protocol>,
    last: End,
    /// The fault that the answer to the last request meets.
    to_answer: Option<Rule>,
}

/// Why a direction stops forwarding.
enum Stop {
    /// One side has closed its connection.
    End,
    /// The proxy closes both.
    Cut,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::End
    }
}

impl Link {
    pub(super) fn new(
        number: usize,
        shared: Arc<Shared>,
        condition: watch::Sender<Condition>,
    ) -> Self {
        let talk = Mutex::new(Talk {
            protocol: (shared.protocol)(),
            last: End::Server,
            to_answer: None,
        });
        Self {
            number,
            shared,
            alive: condition.subscribe(),
            condition,
            talk,
        }
    }

    /// Forwards until both directions have ended, or the connection is cut: its sockets are closed here.
    pub(super) async fn run(self, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.shared.server()).await else {
            return;
        };
        // Each message leaves at once, as the client means it to.
        client.set_nodelay(true).ok();
        server.set_nodelay(true).ok();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let mut condition = self.alive.clone();
        let both = async {
            tokio::try_join!(
                self.forward(End::Client, from_client, to_server),
                self.forward(End::Server, from_server, to_client),
            )
        };
        tokio::select! {
            _ = both => {}
            _ = condition.wait_for(|condition| *condition == Condition::Cut) => {}
        }
    }

    /// Forwards one direction to its end.
    async fn forward(
        &self,
        from: End,
        mut source: OwnedReadHalf,
        mut target: OwnedWriteHalf,
    ) -> Result<(), ()> {
        match self.pump(from, &mut source, &mut target).await {
            Err(Stop::Cut) => Err(()),
            Ok(()) | Err(Stop::End) => {
                target.shutdown().await.ok();
                Ok(())
            }
        }
    }

    async fn pump(
        &self,
        from: End,
        source: &mut OwnedReadHalf,
        target: &mut OwnedWriteHalf,
    ) -> Result<(), Stop> {
        let mut unread = Vec::new();
        // `whole` is forwarded at once. `answer` waits for the rest of the answer.
        let mut whole = Vec::new();
        let mut answer = Vec::new();
        let mut chunk = vec![0; 64 * 1024];
        loop {
            let length = source.read(&mut chunk).await.unwrap_or_default();
            self.passable(from).await;
            if length == 0 {
                if let Some(rule) = self.end_of_answer(from) {
                    // The server has closed the connection in the middle of it.
                    self.meet(&rule, from, &answer, target).await?;
                }
                return Ok(());
            }
            unread.extend_from_slice(&chunk[..length]);
            let mut read = 0;
            while let Some(frame) = self.next(from, &unread[read..]) {
                let bytes = &unread[read..read + frame.length];
                read += frame.length;
                let ends_answer = frame.ends_answer;
                if let Some(rule) = self.record(from, frame) {
                    self.send(from, &mut whole, target).await?;
                    self.meet(&rule, from, bytes, target).await?;
                } else if self.is_withheld(from) {
                    answer.extend_from_slice(bytes);
                    if ends_answer && let Some(rule) = self.end_of_answer(from) {
                        self.send(from, &mut whole, target).await?;
                        self.meet(&rule, from, &answer, target).await?;
                        answer.clear();
                    }
                } else {
                    whole.extend_from_slice(bytes);
                }
            }
            unread.drain(..read);
            self.send(from, &mut whole, target).await?;
        }
    }

    fn next(&self, from: End, bytes: &[u8]) -> Option<Frame> {
        self.talk().protocol.read(from, bytes)
    }

    /// Notes a message, and gives what is done with it.
    fn record(&self, from: End, frame: Frame) -> Option<Rule> {
        let message = Message {
            connection: self.number,
            from,
            text: frame.text,
        };
        let mut talk = self.talk();
        let mut state = self.shared.state();
        let mut take = |place| {
            let found = state.rules.iter().position(|r| r.fits(&message, place));
            found.map(|found| state.rules.remove(found))
        };
        let rule = take(Place::Message);
        if from == End::Client
            && let Some(rule) = take(Place::Answer)
        {
            talk.to_answer = Some(rule);
        }
        if (talk.last, from) == (End::Client, End::Server) {
            state.round_trips += 1;
        }
        talk.last = from;
        state.messages.push(message);
        drop(state);
        self.shared.recorded.send_modify(|recorded| *recorded += 1);
        rule
    }

    fn is_withheld(&self, from: End) -> bool {
        from == End::Server && self.talk().to_answer.is_some()
    }

    fn end_of_answer(&self, from: End) -> Option<Rule> {
        match from {
            End::Client => None,
            End::Server => self.talk().to_answer.take(),
        }
    }

    /// Makes a fault at a message, or at an answer.
    async fn meet(
        &self,
        rule: &Rule,
        from: End,
        bytes: &[u8],
        target: &mut OwnedWriteHalf,
    ) -> Result<(), Stop> {
        match rule.fault {
            Fault::Cut => {
                rule.reach();
                return Err(Stop::Cut);
            }
            Fault::CutAfter(length) => {
                let length = length.min(bytes.len());
                self.send(from, &mut bytes[..length].to_vec(), target)
                    .await?;
                rule.reach();
                return Err(Stop::Cut);
            }
            Fault::HalfOpen(way) => {
                self.condition.send_replace(Condition::HalfOpen(way));
                rule.reach();
            }
            Fault::Delay(time) => {
                rule.reach();
                tokio::time::sleep(time).await;
            }
            Fault::Hold => {
                rule.reach();
                rule.released().await;
            }
        }
        self.send(from, &mut bytes.to_vec(), target).await
    }

    async fn send(
        &self,
        from: End,
        bytes: &mut Vec<u8>,
        target: &mut OwnedWriteHalf,
    ) -> Result<(), Stop> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.passable(from).await;
        let latency = self.shared.state().latency;
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        target.write_all(bytes).await?;
        bytes.clear();
        Ok(())
    }

    /// Waits while the connection is half-open.
    async fn passable(&self, from: End) {
        let mut condition = self.alive.clone();
        // It fails only where the sender is gone, which is ours.
        condition
            .wait_for(|condition| !condition.stops(from))
            .await
            .ok();
    }

    fn talk(&self) -> MutexGuard<'_, Talk> {
        self.talk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
