//! The handle of a job that runs on a task of its own.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

use super::error::JobError;
use crate::scope::site::Site;
use crate::util::cancel::CancelSource;

/// A job that runs on a task of its own. Awaited, it gives what the job gave; dropped, it leaves the
/// job to run.
#[derive(Debug)]
pub struct JobHandle<T> {
    pub(super) site: Site,
    pub(super) task: JoinHandle<Result<T, JobError>>,
    pub(super) stopper: CancelSource,
}

impl<T> JobHandle<T> {
    /// Stops the job's function at its next await. It is rolled back, its `on_error` runs, and the
    /// handle gives [`JobError::Cancelled`]. A job whose function has returned is not stopped: its
    /// commit goes on. What a job of several units of work has committed stays.
    pub fn abort(&self) {
        self.stopper.stop();
    }

    /// Whether the job, its `on_error` included, has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T> Future for JobHandle<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let job = self.site;
        Pin::new(&mut self.task).poll(cx).map(|ended| {
            // The task itself ends early only with its runtime.
            ended.unwrap_or(Err(JobError::Cancelled { job }))
        })
    }
}
