//! The limits of the connection pool.

use std::fmt;
use std::time::Duration;

use crate::error::Error;

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

    /// Returns the size and the overflow that make `DB_MAX_CONNECTIONS`, given those that are set.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] if the variables contradict each other.
    pub(super) fn parts_of(
        &self,
        most: usize,
        size: Option<usize>,
        max_overflow: Option<usize>,
    ) -> Result<(usize, usize), Error> {
        let given = match (size, max_overflow) {
            (None, None) => {
                let size = self.size.min(most);
                return Ok((size, most - size));
            }
            (Some(size), None) if size <= most => return Ok((size, most - size)),
            (None, Some(overflow)) if overflow < most => return Ok((most - overflow, overflow)),
            (Some(size), Some(overflow)) if size.saturating_add(overflow) == most => {
                return Ok((size, overflow));
            }
            (Some(size), None) => format!("DB_POOL_SIZE is {size}; remove DB_POOL_SIZE"),
            (None, Some(overflow)) => {
                format!("DB_MAX_OVERFLOW is {overflow}; remove DB_MAX_OVERFLOW")
            }
            (Some(size), Some(overflow)) => format!(
                "DB_POOL_SIZE {size} + DB_MAX_OVERFLOW {overflow} are {}; remove DB_POOL_SIZE and DB_MAX_OVERFLOW",
                size.saturating_add(overflow)
            ),
        };
        Err(Error::config(format!(
            "DB_MAX_CONNECTIONS is {most}, but {given}"
        )))
    }
}

impl fmt::Display for PoolSettings {
    /// Writes the largest number of connections and its parts: `at most 13 connections: DB_POOL_SIZE 8 +
    /// DB_MAX_OVERFLOW 5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (most, plural) = match self.max_connections() {
            1 => (1, ""),
            most => (most, "s"),
        };
        write!(
            f,
            "at most {most} connection{plural}: DB_POOL_SIZE {} + DB_MAX_OVERFLOW {}",
            self.size, self.max_overflow
        )
    }
}
