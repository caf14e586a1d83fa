//! Why a job did not do its work.

use std::any::Any;
use std::time::Duration;

use sqlx::error::BoxDynError as BoxError;

use crate::boundary::Failed;
use crate::error::Error;
use crate::scope::site::Site;
use crate::settings::redact;

/// Why a job did not do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// Its function returned an error, or its boundary did not commit.
    #[error("{job} failed: {}", redact(&what(*job, source)))]
    #[non_exhaustive]
    Failed {
        /// The job.
        job: Site,
        /// The function's error; or [`Error`], where it is the boundary's.
        source: BoxError,
    },
    /// Its function panicked. It was rolled back.
    #[error("{job} panicked: {}", redact(.message))]
    #[non_exhaustive]
    Panicked {
        /// The job.
        job: Site,
        /// What the panic said.
        message: String,
    },
    /// Its boundary took longer than its timeout. It was rolled back.
    #[error("{job} was not done within {after:?}")]
    #[non_exhaustive]
    TimedOut {
        /// The job.
        job: Site,
        /// How long it had.
        after: Duration,
    },
    /// It was aborted, or the runtime ended. It was rolled back; what a job of several units of work had
    /// committed before stays.
    #[error("{job} was cancelled")]
    #[non_exhaustive]
    Cancelled {
        /// The job.
        job: Site,
    },
}

impl JobError {
    /// The job that failed.
    pub fn job(&self) -> Site {
        match self {
            Self::Failed { job, .. }
            | Self::Panicked { job, .. }
            | Self::TimedOut { job, .. }
            | Self::Cancelled { job } => *job,
        }
    }
}

/// [`JobError`] before it is known whose it is.
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
    pub(super) fn of(self, job: Site) -> JobError {
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

fn panic_message(payload: &(dyn Any + Send)) -> String {
    if let Some(message) = payload.downcast_ref::<&str>() {
        (*message).to_owned()
    } else if let Some(message) = payload.downcast_ref::<String>() {
        message.clone()
    } else {
        "a panic without a message".to_owned()
    }
}

/// What went wrong, without naming the job once more.
fn what(job: Site, source: &BoxError) -> String {
    match source.downcast_ref::<Error>() {
        Some(error) if error.boundary() == Some(job) => error.message_line(),
        _ => source.to_string(),
    }
}
