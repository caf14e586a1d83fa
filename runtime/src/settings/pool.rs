//! How many connections there are, and for how long.

use std::time::Duration;

use super::variables::Variables;
use crate::error::Error;

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

    /// What the variables say instead.
    pub(crate) fn overridden(mut self, variables: &Variables) -> Result<Self, Error> {
        if let Some(size) = variables.number("DB_POOL_SIZE", 1)? {
            self.size = size;
        }
        if let Some(max_overflow) = variables.number("DB_MAX_OVERFLOW", 0)? {
            self.max_overflow = max_overflow;
        }
        if let Some(timeout) = variables.duration("DB_POOL_TIMEOUT")? {
            self.timeout = timeout;
        }
        if let Some(recycle) = variables.duration_or_never("DB_POOL_RECYCLE")? {
            self.recycle = recycle;
        }
        if let Some(idle_timeout) = variables.duration_or_never("DB_IDLE_TIMEOUT")? {
            self.idle_timeout = idle_timeout;
        }
        Ok(self)
    }
}
