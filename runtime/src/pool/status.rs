//! Defines [`PoolStatus`], a snapshot of a pool.

use std::time::Duration;

use crate::scope::holder::ConnectionHolder;

/// A snapshot of a pool: its connections, the boundaries that wait for one, and those that hold one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// The maximum number of connections.
    pub max_connections: usize,
    /// The maximum number of connections that the pool opens just now. After the server, or a pooler, has refused one because
    /// there are too many, it is half of what it was; it grows by one a minute.
    pub limit: usize,
    /// The number of connections. The control connection, which cancels statements and asks for outcomes, is not
    /// counted.
    pub connections: usize,
    /// The number of idle connections.
    pub idle: usize,
    /// The number of boundaries that wait for a connection.
    pub waiting: usize,
    /// The number of boundaries that were refused at once since the pool was made, because too many
    /// [waited](crate::Error::Overloaded) or because the database [cannot be reached](Self::unreachable_for).
    pub refused: u64,
    /// For how long boundaries have been refused at once because no connection can be opened. After three attempts in a row
    /// have failed, and while there is no connection, the pool tries by itself, after 50 ms at first and up to 1 s later;
    /// boundaries fail with the [error](crate::Error::Connect) of its last attempt. Always `None` for a pool of sqlx's.
    pub unreachable_for: Option<Duration>,
    /// The boundaries that hold a connection. The one that has held it longest comes first.
    pub holders: Vec<ConnectionHolder>,
}

#[cfg(feature = "metrics")]
impl PoolStatus {
    /// Returns the values of the pool's gauges.
    pub(crate) fn gauges(&self) -> crate::observe::metrics::Gauges {
        crate::observe::metrics::Gauges {
            idle: self.idle,
            used: self.connections.saturating_sub(self.idle),
            max: self.max_connections,
            limit: self.limit,
            waiting: self.waiting,
            refused: self.refused,
            is_unreachable: self.unreachable_for.is_some(),
        }
    }
}
