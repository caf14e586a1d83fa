//! The kinds of failure, and the default verdict on each.

use std::fmt;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Category {
    /// The data violates a constraint of the schema.
    Constraint(Constraint),
    /// The database cannot store a value: too long, out of range, of the wrong type.
    Data,
    /// The database cannot be reached, or the connection to it was lost.
    Connection,
    /// The transaction cannot continue.
    Transaction(Transaction),
    /// Something took too long.
    Timeout(Timeout),
    /// The statement was canceled on the server.
    Canceled,
    /// The database user lacks a privilege, or may not connect.
    Permission,
    /// The program sent an invalid request: wrong SQL, a missing table, an option that the database does not have.
    Query,
    /// The server has run out of memory, disk space or connections.
    Resources,
    /// More boundaries wait for a connection than can be served in time.
    Overloaded,
    /// The outcome of the commit is unknown.
    UnknownOutcome,
    /// The row does not exist.
    NotFound,
    /// The application's own failure: [`Error::application`](crate::Error::application).
    Application,
    /// The error is not in the tables.
    Unknown,
}

/// The kind of a violated constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Constraint {
    /// A unique or primary key: the value exists already.
    Unique,
    /// A foreign key: the referenced row is missing, or the row is still referenced.
    ForeignKey,
    /// A column that must not be null.
    NotNull,
    /// A check constraint.
    Check,
    /// An exclusion constraint: the value overlaps with an existing one.
    Exclusion,
    /// A constraint whose kind the database does not report.
    Other,
}

/// Why a transaction cannot continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transaction {
    /// Another transaction committed a change that conflicts with its snapshot.
    Serialization,
    /// It and another transaction waited for each other.
    Deadlock,
    /// It was rolled back, by an earlier failure or by the server.
    Aborted,
    /// Its state does not allow the statement: read-only, not open, open already.
    State,
}

/// The operation that took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timeout {
    /// A statement.
    Statement,
    /// Waiting for a lock.
    Lock,
    /// The session was idle, and the server ended it.
    Idle,
    /// The transaction, by the server's own limit.
    Transaction,
    /// Waiting for a connection, from the pool or a pooler.
    Pool,
    /// The boundary.
    Boundary,
}

/// How to recover from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Recovery {
    /// Run it again.
    Retry,
    /// Send other data.
    FixData,
    /// Check the network, and whether the server is running.
    CheckNetwork,
    /// Check the user, the password and the granted privileges.
    CheckPermissions,
    /// Run it again later.
    Wait,
    /// Check whether the change was saved before running it again.
    CheckOutcome,
    /// The program or the server has to be changed.
    ContactAdministrator,
}

/// A row of the tables of codes, without its code.
///
/// The row decides, for every database, the advice for a caller, whether `retry` runs the boundary again, and whether the
/// connection goes back to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Advice {
    pub(crate) category: Category,
    /// Whether the same boundary may succeed if it is run again, now or a little later. `retry` runs it again.
    pub(crate) retryable: bool,
    pub(crate) recovery: Recovery,
    pub(crate) fate: Fate,
}

/// The use that can be made of a connection after an error on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The connection can be used again.
    Usable,
    /// A statement without a name was gone before it was run. The connection can be used again, and the statement sent.
    Unprepared,
    /// A statement that was prepared on the connection, or a type that it knows, no longer fits the schema.
    Stale,
    /// The server accepts no writes, although it was taken for one that does.
    ReadOnly,
    /// The server's session belongs to other clients as well: there is a pooler that was not known.
    Shared,
    /// The connection is lost.
    Lost,
}

impl Fate {
    /// Whether the statement was refused before it had an effect, and another connection may accept it.
    pub(crate) const fn is_cured_by_another_connection(self) -> bool {
        matches!(self, Self::Stale | Self::ReadOnly | Self::Shared)
    }

    /// The fate in words: `kept`, `closed`.
    #[cfg(test)]
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Usable | Self::Unprepared => "kept",
            Self::Stale | Self::ReadOnly | Self::Shared | Self::Lost => "closed",
        }
    }
}

impl Advice {
    /// The same verdict, with another fate of the connection.
    pub(crate) const fn with_fate(self, fate: Fate) -> Self {
        Self { fate, ..self }
    }

    /// The same verdict on a connection that is lost.
    pub(crate) const fn lost(self) -> Self {
        self.with_fate(Fate::Lost)
    }

    /// The same verdict on the connection of a server to somebody else, such as that of a foreign data wrapper.
    pub(crate) const fn elsewhere(self) -> Self {
        self.with_fate(Fate::Usable)
    }
}

impl Category {
    /// The verdict on most errors of the category.
    pub(crate) const fn verdict(self) -> Advice {
        let (retryable, recovery) = match self {
            Self::Constraint(_) | Self::Data | Self::NotFound | Self::Application => {
                (false, Recovery::FixData)
            }
            Self::Connection => (true, Recovery::CheckNetwork),
            Self::Transaction(Transaction::Serialization | Transaction::Deadlock)
            | Self::Timeout(Timeout::Lock | Timeout::Idle) => (true, Recovery::Retry),
            Self::Timeout(Timeout::Pool) => (true, Recovery::Wait),
            // Whether it helps a client to come back later, `retry` would only add to the load.
            Self::Timeout(_) | Self::Overloaded => (false, Recovery::Wait),
            Self::Canceled => (false, Recovery::Retry),
            Self::Permission => (false, Recovery::CheckPermissions),
            Self::UnknownOutcome => (false, Recovery::CheckOutcome),
            Self::Transaction(_) | Self::Query | Self::Resources | Self::Unknown => {
                (false, Recovery::ContactAdministrator)
            }
        };
        Advice {
            category: self,
            retryable,
            recovery,
            fate: match self {
                Self::Connection => Fate::Lost,
                _ => Fate::Usable,
            },
        }
    }

    /// The verdict on an error that is over after a while.
    pub(crate) const fn passing(self) -> Advice {
        Advice {
            retryable: true,
            recovery: Recovery::Wait,
            ..self.verdict()
        }
    }

    /// The verdict on an error that does not occur again in another run.
    pub(crate) const fn repeatable(self) -> Advice {
        Advice {
            retryable: true,
            recovery: Recovery::Retry,
            ..self.verdict()
        }
    }

    /// The verdict on an error that lasts until somebody changes something, in a category whose errors mostly pass.
    pub(crate) const fn lasting(self) -> Advice {
        Advice {
            retryable: false,
            recovery: Recovery::ContactAdministrator,
            ..self.verdict()
        }
    }
}

impl Category {
    /// Whether an attempt to connect was refused because there are too many connections: by the server, or by a pooler.
    pub(crate) const fn refuses_connections(self, retryable: bool) -> bool {
        match self {
            Self::Resources => retryable,
            Self::Timeout(Timeout::Pool) => true,
            _ => false,
        }
    }

    /// Whether the failure comes of others who do the same at the same time, so that doing it again adds to the load.
    pub(crate) const fn is_contention(self) -> bool {
        matches!(
            self,
            Self::Transaction(
                Transaction::Serialization | Transaction::Deadlock | Transaction::Aborted
            ) | Self::Timeout(_)
                | Self::Resources
                | Self::Overloaded
        )
    }
}

impl Category {
    /// The category in words: `unique constraint`, `lock timeout`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Constraint(Constraint::Unique) => "unique constraint",
            Self::Constraint(Constraint::ForeignKey) => "foreign key constraint",
            Self::Constraint(Constraint::NotNull) => "not null constraint",
            Self::Constraint(Constraint::Check) => "check constraint",
            Self::Constraint(Constraint::Exclusion) => "exclusion constraint",
            Self::Constraint(Constraint::Other) => "constraint",
            Self::Data => "data",
            Self::Connection => "connection",
            Self::Transaction(Transaction::Serialization) => "serialization failure",
            Self::Transaction(Transaction::Deadlock) => "deadlock",
            Self::Transaction(Transaction::Aborted) => "aborted transaction",
            Self::Transaction(Transaction::State) => "transaction state",
            Self::Timeout(Timeout::Statement) => "statement timeout",
            Self::Timeout(Timeout::Lock) => "lock timeout",
            Self::Timeout(Timeout::Idle) => "idle timeout",
            Self::Timeout(Timeout::Transaction) => "transaction timeout",
            Self::Timeout(Timeout::Pool) => "pool timeout",
            Self::Timeout(Timeout::Boundary) => "boundary timeout",
            Self::Canceled => "canceled",
            Self::Permission => "permission",
            Self::Query => "query",
            Self::Resources => "resources",
            Self::Overloaded => "overloaded",
            Self::UnknownOutcome => "unknown outcome",
            Self::NotFound => "not found",
            Self::Application => "application",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Category {
    /// Writes [`as_str`](Self::as_str).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Retry => "retry",
            Self::FixData => "fix data",
            Self::CheckNetwork => "check network",
            Self::CheckPermissions => "check permissions",
            Self::Wait => "wait",
            Self::CheckOutcome => "check outcome",
            Self::ContactAdministrator => "contact an administrator",
        })
    }
}

/// The verdicts that the tables of codes are written in.
pub(crate) mod words {
    use super::{Advice, Category, Constraint, Fate, Timeout, Transaction};

    pub(crate) const UNIQUE: Advice = Category::Constraint(Constraint::Unique).verdict();
    pub(crate) const FOREIGN_KEY: Advice = Category::Constraint(Constraint::ForeignKey).verdict();
    pub(crate) const NOT_NULL: Advice = Category::Constraint(Constraint::NotNull).verdict();
    pub(crate) const CHECK: Advice = Category::Constraint(Constraint::Check).verdict();
    pub(crate) const EXCLUSION: Advice = Category::Constraint(Constraint::Exclusion).verdict();
    pub(crate) const CONSTRAINT: Advice = Category::Constraint(Constraint::Other).verdict();
    pub(crate) const DATA: Advice = Category::Data.verdict();
    pub(crate) const CONNECTION: Advice = Category::Connection.verdict();
    /// The server is stopping or starting.
    pub(crate) const RESTART: Advice = Category::Connection.passing();
    pub(crate) const NO_SUCH_SERVER: Advice = Category::Connection.lasting();
    pub(crate) const SERIALIZATION: Advice =
        Category::Transaction(Transaction::Serialization).verdict();
    pub(crate) const DEADLOCK: Advice = Category::Transaction(Transaction::Deadlock).verdict();
    pub(crate) const ABORTED: Advice = Category::Transaction(Transaction::Aborted).verdict();
    /// The server rolled the transaction back without naming a reason.
    pub(crate) const ROLLED_BACK: Advice = Category::Transaction(Transaction::Aborted).repeatable();
    pub(crate) const STATE: Advice = Category::Transaction(Transaction::State).verdict();
    pub(crate) const STATEMENT_TIMEOUT: Advice = Category::Timeout(Timeout::Statement).verdict();
    pub(crate) const LOCK_TIMEOUT: Advice = Category::Timeout(Timeout::Lock).verdict();
    pub(crate) const IDLE_TIMEOUT: Advice = Category::Timeout(Timeout::Idle).verdict();
    pub(crate) const TRANSACTION_TIMEOUT: Advice =
        Category::Timeout(Timeout::Transaction).verdict();
    pub(crate) const POOL_TIMEOUT: Advice = Category::Timeout(Timeout::Pool).verdict();
    pub(crate) const OVERLOADED: Advice = Category::Overloaded.verdict();
    pub(crate) const BOUNDARY_TIMEOUT: Advice = Category::Timeout(Timeout::Boundary).verdict();
    pub(crate) const CANCELED: Advice = Category::Canceled.verdict();
    pub(crate) const PERMISSION: Advice = Category::Permission.verdict();
    pub(crate) const QUERY: Advice = Category::Query.verdict();
    /// The schema has changed since the transaction began.
    pub(crate) const CHANGED: Advice = Category::Query.repeatable();
    /// The schema has changed since the statement was prepared.
    pub(crate) const STALE: Advice = CHANGED.with_fate(Fate::Stale);
    /// A statement without a name was gone before it was run.
    pub(crate) const UNPREPARED: Advice = CHANGED.with_fate(Fate::Unprepared);
    /// A statement that sqlx has prepared is another one, or none, on the server's session.
    pub(crate) const SHARED: Advice = CHANGED.with_fate(Fate::Shared);
    /// The server refuses to write.
    pub(crate) const READ_ONLY: Advice = Category::Transaction(Transaction::State)
        .passing()
        .with_fate(Fate::ReadOnly);
    pub(crate) const RESOURCES: Advice = Category::Resources.verdict();
    pub(crate) const TOO_MANY: Advice = Category::Resources.passing();
    pub(crate) const UNKNOWN_OUTCOME: Advice = Category::UnknownOutcome.verdict();
    pub(crate) const NOT_FOUND: Advice = Category::NotFound.verdict();
    pub(crate) const APPLICATION: Advice = Category::Application.verdict();
    pub(crate) const UNKNOWN: Advice = Category::Unknown.verdict();
}
