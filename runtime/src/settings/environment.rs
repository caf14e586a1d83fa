//! The environment that a program runs in, and its default pool.

use std::fmt;
use std::time::Duration;

use super::pool::PoolSettings;

/// The environment that a program runs in: the variable `ENVIRONMENT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Environment {
    /// A developer's machine. The default, and the only environment that uses a SQLite file if no database is named.
    #[default]
    Development,
    /// A test run.
    Test,
    /// Like production, with fewer users.
    Staging,
    /// Production.
    Production,
}

impl Environment {
    /// The values that `ENVIRONMENT` may have.
    pub(crate) const FORM: &'static str = "`development`, `test`, `staging` or `production`";

    /// Parses the name of an environment.
    pub(crate) fn read(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "development" | "dev" | "local" => Self::Development,
            "test" | "testing" => Self::Test,
            "staging" | "stage" => Self::Staging,
            "production" | "prod" => Self::Production,
            _ => return None,
        })
    }

    /// Returns the default pool of the environment.
    ///
    /// | | `size` | `max_overflow` | `timeout` | `recycle` | `idle_timeout` |
    /// |---|---|---|---|---|---|
    /// | development | 5 | 5 | 30 s | 30 min | 10 min |
    /// | test | 5 | 0 | 10 s | 30 min | 1 min |
    /// | staging | 10 | 10 | 30 s | 30 min | 10 min |
    /// | production | 20 | 10 | 30 s | 30 min | 10 min |
    #[must_use]
    pub const fn pool(self) -> PoolSettings {
        const MINUTE: u64 = 60;
        let (size, max_overflow, timeout, idle) = match self {
            Self::Development => (5, 5, 30, 10 * MINUTE),
            Self::Test => (5, 0, 10, MINUTE),
            Self::Staging => (10, 10, 30, 10 * MINUTE),
            Self::Production => (20, 10, 30, 10 * MINUTE),
        };
        PoolSettings {
            size,
            max_overflow,
            timeout: Duration::from_secs(timeout),
            recycle: Some(Duration::from_secs(30 * MINUTE)),
            idle_timeout: Some(Duration::from_secs(idle)),
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Development => "development",
            Self::Test => "test",
            Self::Staging => "staging",
            Self::Production => "production",
        })
    }
}
