//! What is tried.

use std::fmt;
use std::time::Duration;

/// One field of the matrix, in one of its rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) database: Database,
    pub(crate) point: Point,
    pub(crate) cause: Cause,
    pub(crate) round: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Database {
    Postgres,
    MariaDb,
    Sqlite,
}

/// Where the boundary is when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Point {
    /// It waits for a connection; or, for what happens to connections, its own has lain in the pool.
    Acquire,
    Begin,
    /// A statement is being worked on by the server.
    Running,
    /// A statement waits for somebody else's lock.
    Locked,
    /// Some rows have been read, and more are to come.
    Rows,
    /// It waits for something else than the database.
    Between,
    Savepoint,
    Release,
    /// COMMIT is on its way.
    CommitSent,
    /// COMMIT has been done, and the answer is on its way.
    CommitDone,
    /// After the commit.
    Hook,
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// `tokio::time::timeout` drops the future.
    Timeout,
    /// `select!` drops it.
    Select,
    /// Its task is aborted.
    Abort,
    /// The body panics.
    Panic,
    /// The body returns an error.
    Error,
    /// The client of an axum handler goes away.
    Disconnect,
    /// Both ends find the connection closed.
    Cut,
    /// The server ends the session.
    Kill,
    /// Nothing comes through any more, and nobody is told.
    HalfOpen,
}

use Cause::{Abort, Cut, Disconnect, Error, HalfOpen, Kill, Panic, Select, Timeout};
use Point::{
    Acquire, Begin, Between, CommitDone, CommitSent, Hook, Locked, Release, Rows, Running,
    Savepoint,
};

const POINTS: &[Point] = &[
    Acquire, Begin, Running, Locked, Rows, Between, Savepoint, Release, CommitSent, CommitDone,
    Hook,
];
const CAUSES: &[Cause] = &[
    Timeout, Select, Abort, Panic, Error, Disconnect, Cut, Kill, HalfOpen,
];

impl Case {
    /// Every field that makes sense, each so many times.
    pub(crate) fn all(rounds: u32) -> impl Iterator<Item = Self> {
        let databases = [Database::Postgres, Database::MariaDb, Database::Sqlite];
        (0..rounds).flat_map(move |round| {
            databases.into_iter().flat_map(move |database| {
                POINTS.iter().flat_map(move |&point| {
                    let cases = CAUSES.iter().map(move |&cause| Self {
                        database,
                        point,
                        cause,
                        round,
                    });
                    cases.filter(|case| case.makes_sense())
                })
            })
        })
    }

    fn makes_sense(self) -> bool {
        let happens = match (self.point, self.cause) {
            // The body is over.
            (CommitSent | CommitDone, Panic | Error) => false,
            // A hook has no error to return.
            (Hook, Error) => false,
            _ => true,
        };
        // In a file there are no messages that could be held up, and its only lock is taken by the begin.
        let is_there = match self.database {
            Database::Sqlite => {
                !self.cause.is_of_the_wire() && !matches!(self.point, Locked | Release | CommitSent)
            }
            _ => true,
        };
        happens && is_there
    }

    /// How long after the point was reached it happens: the rounds differ.
    pub(crate) fn jitter(self) -> Duration {
        Duration::from_millis(u64::from(self.round) * 3)
    }

    /// Whether a message is held up on its way to the server, in place of its answer.
    pub(crate) fn holds_the_message(self) -> bool {
        self.point == CommitSent || (self.round % 2 == 1 && self.point != CommitDone)
    }
}

impl Cause {
    /// Whether it happens to the connection, and not to the boundary.
    pub(crate) fn is_of_the_wire(self) -> bool {
        matches!(self, Cut | Kill | HalfOpen)
    }

    /// Whether the boundary's own body does it.
    pub(crate) fn is_of_the_body(self) -> bool {
        matches!(self, Panic | Error)
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} / {} / {}", self.database, self.point, self.cause)
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Postgres => "postgres",
            Self::MariaDb => "mariadb",
            Self::Sqlite => "sqlite",
        })
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Acquire => "acquire",
            Begin => "begin",
            Running => "statement running",
            Locked => "statement waiting for a lock",
            Rows => "row stream half read",
            Between => "between statements",
            Savepoint => "savepoint",
            Release => "release of a savepoint",
            CommitSent => "commit on its way",
            CommitDone => "commit done, answer on its way",
            Hook => "after_commit hook",
        })
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Timeout => "timeout",
            Select => "select",
            Abort => "abort",
            Panic => "panic",
            Error => "error",
            Disconnect => "disconnect",
            Cut => "cut",
            Kill => "kill",
            HalfOpen => "half-open",
        })
    }
}
