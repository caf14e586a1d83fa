//! The verdict on a body's result, and the reasons for which a boundary does not commit.

use crate::error::Error;
use crate::scope::place::ErrorContext;

/// Why a boundary did not commit: the body said so, or the boundary did, or somebody outside.
pub(crate) enum Failed<E> {
    Body(E),
    Boundary(Error),
    Stopped,
}

impl<E> Failed<E> {
    /// The boundary's reason as the body's type of error.
    pub(crate) fn into_error(self, from: impl FnOnce(Error) -> E) -> E {
        match self {
            Self::Body(error) => error,
            Self::Boundary(error) => from(error),
            // It is for jobs.
            Self::Stopped => from(Error::Closed {
                place: ErrorContext::default(),
            }),
        }
    }
}

/// What a body's result means for its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Commit,
    RollBack,
}

impl Verdict {
    /// `Ok` commits, `Err` rolls back.
    pub(crate) fn of<T, E>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Commit,
            Err(_) => Self::RollBack,
        }
    }

    /// The same, but for errors that commit.
    pub(crate) fn keeping<T, E>(result: &Result<T, E>, keeps: impl Fn(&E) -> bool) -> Self {
        match result {
            Err(error) if keeps(error) => Self::Commit,
            result => Self::of(result),
        }
    }

    /// The same, but for answers that say that the request failed.
    pub(crate) fn answering<T, E>(
        result: &Result<T, E>,
        keeps: impl Fn(&E) -> bool,
        fails: impl Fn(&T) -> bool,
    ) -> Self {
        match result {
            Ok(value) if fails(value) => Self::RollBack,
            result => Self::keeping(result, keeps),
        }
    }
}
