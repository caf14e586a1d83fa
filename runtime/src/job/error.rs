//! Defines [`JobError`]: why a background job failed.

use std::any::Any;
use std::time::Duration;

use sqlx::error::BoxDynError as BoxError;

use crate::boundary::Failed;
use crate::error::Error;
use crate::scope::site::Site;
use crate::settings::redact;

/// Why a background job failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The function of the job returned an error, or its boundary did not commit.
    #[error("{job} failed: {}", redact(&source_message(*job, source)))]
    #[non_exhaustive]
    Failed {
        /// The job.
        job: Site,
        /// The error of the function, or the [`Error`] of the boundary.
        source: BoxError,
    },
    /// The function of the job panicked. Its transaction was rolled back.
    #[error("{job} panicked: {}", redact(.message))]
    #[non_exhaustive]
    Panicked {
        /// The job.
        job: Site,
        /// The message of the panic.
        message: String,
    },
    /// The boundary of the job took longer than its timeout. It was rolled back.
    #[error("{job} was not done within {after:?}")]
    #[non_exhaustive]
    TimedOut {
        /// The job.
        job: Site,
        /// The timeout.
        after: Duration,
    },
    /// The job was aborted, or the runtime shut down. The open transaction was rolled back. Transactions that a job of
    /// several units of work had committed before stay committed.
    #[error("{job} was cancelled")]
    #[non_exhaustive]
    Cancelled {
        /// The job.
        job: Site,
    },
}

impl JobError {
    /// Returns the job that failed.
    pub fn job(&self) -> Site {
        match self {
            Self::Failed { job, .. }
            | Self::Panicked { job, .. }
            | Self::TimedOut { job, .. }
            | Self::Cancelled { job } => *job,
        }
    }
}

impl JobError {
    /// Whether the job was cancelled, or returned that its factory is closed, which ends a job when the grace of a
    /// closing factory is over.
    pub(super) fn may_be_by_close(&self) -> bool {
        match self {
            Self::Cancelled { .. } => true,
            Self::Failed { source, .. } => {
                matches!(source.downcast_ref::<Error>(), Some(Error::Closed { .. }))
            }
            Self::Panicked { .. } | Self::TimedOut { .. } => false,
        }
    }
}

/// The reason of a [`JobError`], without the job.
pub(super) enum Reason {
    Failed(BoxError),
    Panicked(Box<dyn Any + Send>),
    TimedOut(Duration),
    Cancelled,
}

impl<E: Into<BoxError>> From<Failed<E>> for Reason {
    fn from(failed: Failed<E>) -> Self {
        match failed {
            Failed::Body(error) => Self::Failed(error.into()),
            Failed::Boundary(Error::Timeout { after, .. }) => Self::TimedOut(after),
            Failed::Boundary(error) => Self::Failed(error.into()),
            Failed::Stopped => Self::Cancelled,
        }
    }
}

impl Reason {
    /// Adds the job.
    pub(super) fn into_error(self, job: Site) -> JobError {
        match self {
            Self::Failed(source) => JobError::Failed { job, source },
            Self::Panicked(payload) => JobError::Panicked {
                job,
                message: panic_message(&*payload),
            },
            Self::TimedOut(after) => JobError::TimedOut { job, after },
            Self::Cancelled => JobError::Cancelled { job },
        }
    }
}

/// Returns the message of a panic.
fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(message) = payload.downcast_ref::<&str>() {
        (*message).to_owned()
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message.clone()
    } else {
        "panic without a message".to_owned()
    }
}

/// Returns the message of the source without the job's name, which the message of the [`JobError`] begins with.
fn source_message(job: Site, source: &BoxError) -> String {
    match source.downcast_ref::<Error>() {
        Some(error) if error.boundary() == Some(job) => error.message_line(),
        _ => source.to_string(),
    }
}
