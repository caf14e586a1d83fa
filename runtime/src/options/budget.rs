//! How many boundaries of a factory are run again after a conflict.

use crate::error::Error;
use crate::util::contention::Contention;

/// How many boundaries of a factory may be [run again](crate::Retry) after a conflict, all of them together.
///
/// Where many boundaries want the same row, each conflict that is run again makes further ones, and the load grows with the
/// number of repeats that is allowed. A factory repeats a part of what it commits, and a few boundaries a second in any case;
/// up to ten seconds of the latter are saved up. What is over the budget gets the error of its conflict at once: a 409 with a
/// `Retry-After`. The delays between the runs grow as well, with the share of conflicts in the last second.
///
/// A boundary that is run again because its connection was lost, or could not be opened, costs nothing.
///
/// ```
/// # #[cfg(feature = "postgres")] {
/// use demarcate::RetryBudget;
/// use demarcate::postgres::SessionFactory;
///
/// // One of five commits, and 50 a second at least.
/// let db = SessionFactory::builder()
///     .url("postgres://localhost/shop")
///     .retry_budget(RetryBudget::new().percent(20).per_second(50));
/// # let _ = db;
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryBudget {
    percent: u32,
    per_second: u32,
}

impl RetryBudget {
    /// Allows one repeat for ten commits, and ten a second at least.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            percent: 10,
            per_second: 10,
        }
    }

    /// Sets how many repeats 100 commits allow.
    #[must_use]
    pub const fn percent(mut self, percent: u32) -> Self {
        self.percent = percent;
        self
    }

    /// Sets how many repeats a second are allowed in any case.
    #[must_use]
    pub const fn per_second(mut self, per_second: u32) -> Self {
        self.per_second = per_second;
        self
    }

    /// Rejects a budget that limits nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Config`].
    pub(crate) fn check(self) -> Result<Self, Error> {
        const MOST: u32 = 1_000_000;
        if self.percent.max(self.per_second) > MOST {
            return Err(Error::config(format!(
                "a retry budget of {} % and {} a second limits nothing; give `retry_budget` `None`",
                self.percent, self.per_second
            )));
        }
        Ok(self)
    }

    /// Returns the full budget of a factory.
    pub(crate) fn contention(self) -> Contention {
        Contention::new(Some((self.percent, self.per_second)))
    }
}

impl Default for RetryBudget {
    /// Returns [`RetryBudget::new`].
    fn default() -> Self {
        Self::new()
    }
}
