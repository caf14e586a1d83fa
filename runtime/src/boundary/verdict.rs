//! Decides from a body's result whether to commit, and names the reasons for which a boundary does not.

use crate::error::Error;
use crate::scope::place::ErrorContext;

/// Why a boundary did not commit.
pub(crate) enum Failed<E> {
    /// The body returned an error.
    Body(E),
    /// The boundary failed.
    Boundary(Error),
    /// The job was aborted.
    Stopped,
}

impl<E> Failed<E> {
    /// Converts to the body's type of error.
    pub(crate) fn into_error(self, from: impl FnOnce(Error) -> E) -> E {
        match self {
            Self::Body(error) => error,
            Self::Boundary(error) => from(error),
            // Only jobs are stopped, and they convert `Stopped` themselves.
            Self::Stopped => from(Error::Closed {
                place: ErrorContext::default(),
            }),
        }
    }
}

/// Whether a body's result commits or rolls back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Commit,
    RollBack,
}

impl Verdict {
    /// Commits on `Ok`, rolls back on `Err`.
    pub(crate) fn from_result<T, E>(result: &Result<T, E>) -> Self {
        match result {
            Ok(_) => Self::Commit,
            Err(_) => Self::RollBack,
        }
    }

    /// Commits on `Ok` and on the errors that `keeps` accepts; rolls back on any other error.
    pub(crate) fn keeping<T, E>(result: &Result<T, E>, keeps: impl Fn(&E) -> bool) -> Self {
        match result {
            Err(error) if keeps(error) => Self::Commit,
            result => Self::from_result(result),
        }
    }

    /// Decides as [`keeping`](Self::keeping) does, but rolls back on an `Ok` for which `fails` returns true, such as an
    /// HTTP response with an error status.
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
