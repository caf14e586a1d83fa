//! What a program runs for, and the pool that fits that.

use std::fmt;
use std::time::Duration;

use super::pool::PoolSettings;

/// What a program runs for, from the variable `ENVIRONMENT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Environment {
    /// On a developer's machine; what counts where nothing is said. The only one that makes do without a
    /// database server, with a file of SQLite.
    #[default]
    Development,
    /// Under tests.
    Test,
    /// As in production, with fewer people.
    Staging,
    /// In production.
    Production,
}

impl Environment {
    /// What `ENVIRONMENT` may say.
    pub(crate) const FORM: &'static str = "`development`, `test`, `staging` or `production`";

    pub(crate) fn read(word: &str) -> Option<Self> {
        Some(match word.to_ascii_lowercase().as_str() {
            "development" | "dev" | "local" => Self::Development,
            "test" | "testing" => Self::Test,
            "staging" | "stage" => Self::Staging,
            "production" | "prod" => Self::Production,
            _ => return None,
        })
    }

    /// The pool that fits it.
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
