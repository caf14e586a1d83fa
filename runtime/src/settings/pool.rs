//! How many connections there are, and for how long.

use std::time::Duration;

/// How many connections there are, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolSettings {
    /// How many connections are kept: `DB_POOL_SIZE`.
    pub size: usize,
    /// How many there may be above that while they are needed: `DB_MAX_OVERFLOW`.
    pub max_overflow: usize,
    /// How long a boundary waits for one: `DB_POOL_TIMEOUT`.
    pub timeout: Duration,
    /// After what age a connection is replaced, or never: `DB_POOL_RECYCLE`.
    pub recycle: Option<Duration>,
    /// After how long without use one is closed, or never: `DB_IDLE_TIMEOUT`.
    pub idle_timeout: Option<Duration>,
}

impl PoolSettings {
    /// How many connections there are at most.
    #[must_use]
    pub const fn max_connections(&self) -> usize {
        self.size.saturating_add(self.max_overflow)
    }
}
