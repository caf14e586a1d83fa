//! The faults that a proxy can inject at a message or at its answer.

use std::time::Duration;

use tokio::sync::watch;

use super::message::{Message, Pattern};

/// How long a test waits for a message.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// A fault injected at a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Both sides find their connection closed.
    Cut,
    /// The connection is cut after this many bytes of the message.
    CutAfter(usize),
    /// Nothing more is forwarded in this direction, and the connection stays open.
    HalfOpen(Way),
    /// The message arrives this much later.
    Delay(Duration),
    /// It arrives when [`Point::release`] says so.
    Hold,
}

/// A direction of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The messages of clients.
    ToServer,
    /// The messages of the server.
    ToClient,
    /// The messages of both sides.
    Both,
}

/// Where a fault is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Message,
    Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Ahead,
    Reached,
    Released,
}

/// A fault that was asked for, as the test sees it.
#[derive(Debug)]
pub struct Point(watch::Sender<Stage>);

impl Point {
    /// Waits until the fault is being made.
    ///
    /// # Panics
    ///
    /// If it has not been after 30 s: a test that waits for what does not happen has failed.
    pub async fn reached(&self) {
        let mut stage = self.0.subscribe();
        let reached = stage.wait_for(|stage| *stage != Stage::Ahead);
        let in_time = tokio::time::timeout(PATIENCE, reached).await;
        assert!(
            in_time.is_ok(),
            "no message has met the fault within {PATIENCE:?}"
        );
    }

    /// Whether the fault was made.
    pub fn is_reached(&self) -> bool {
        *self.0.borrow() != Stage::Ahead
    }

    /// Lets go what [`Fault::Hold`] holds, or would have held.
    pub fn release(&self) {
        self.0.send_replace(Stage::Released);
    }
}

/// A fault that was asked for, as the proxy sees it.
pub(super) struct Rule {
    pattern: Pattern,
    place: Place,
    pub(super) fault: Fault,
    stage: watch::Sender<Stage>,
}

impl Rule {
    pub(super) fn new(pattern: Pattern, place: Place, fault: Fault) -> (Self, Point) {
        let stage = watch::Sender::new(Stage::Ahead);
        let point = Point(stage.clone());
        let rule = Self {
            pattern,
            place,
            fault,
            stage,
        };
        (rule, point)
    }

    pub(super) fn fits(&self, message: &Message, place: Place) -> bool {
        self.place == place && self.pattern.fits(message)
    }

    pub(super) fn reach(&self) {
        self.stage.send_if_modified(|stage| {
            let is_ahead = *stage == Stage::Ahead;
            if is_ahead {
                *stage = Stage::Reached;
            }
            is_ahead
        });
    }

    pub(super) async fn released(&self) {
        let mut stage = self.stage.subscribe();
        stage.wait_for(|stage| *stage == Stage::Released).await.ok();
    }
}
