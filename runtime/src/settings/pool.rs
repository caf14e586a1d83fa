//! The limits of the connection pool.

use std::time::Duration;

/// The limits of the connection pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolSettings {
    /// The number of connections that the pool keeps: `DB_POOL_SIZE`.
    pub size: usize,
    /// The number of further connections that it opens under load: `DB_MAX_OVERFLOW`.
    pub max_overflow: usize,
    /// How long a boundary waits for a connection: `DB_POOL_TIMEOUT`.
    pub timeout: Duration,
    /// The age at which a connection is replaced; `None` for never: `DB_POOL_RECYCLE`.
    pub recycle: Option<Duration>,
    /// How long a connection may be idle before it is closed; `None` for ever: `DB_IDLE_TIMEOUT`.
    pub idle_timeout: Option<Duration>,
}

impl PoolSettings {
    /// Returns the largest number of connections.
    #[must_use]
    pub const fn max_connections(&self) -> usize {
        self.size.saturating_add(self.max_overflow)
    }
}
