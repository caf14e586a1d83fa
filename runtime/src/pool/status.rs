//! What a pool is doing at one moment.

use crate::scope::holder::ConnectionHolder;

/// What a pool is doing now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// How many connections there may be at most.
    pub max_connections: usize,
    /// How many there are. The control one, which stops statements and asks for outcomes, is not counted.
    pub connections: usize,
    /// How many of them nobody uses.
    pub idle: usize,
    /// How many boundaries wait for one.
    pub waiting: usize,
    /// Who holds the others; who has held one longest comes first.
    pub holders: Vec<ConnectionHolder>,
}

#[cfg(feature = "metrics")]
impl PoolStatus {
    /// The numbers that metrics show.
    pub(crate) fn gauges(&self) -> crate::observe::metrics::Gauges {
        crate::observe::metrics::Gauges {
            idle: self.idle,
            used: self.connections.saturating_sub(self.idle),
            max: self.max_connections,
            waiting: self.waiting,
        }
    }
}
