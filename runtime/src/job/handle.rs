//! Defines [`JobHandle`]: awaits or aborts a spawned background job.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::JoinHandle;

use super::error::JobError;
use crate::scope::site::Site;
use crate::util::cancel::CancelSource;

/// A background job that runs on a task of its own: what [`SessionFactory::spawn`](crate::SessionFactory::spawn) returns.
///
/// The handle is a future of `Result<T, JobError>`. It is ready when the job has ended: after its commit, or, if it failed,
/// after its `on_error`. Dropping it detaches the job, which continues to run.
#[derive(Debug)]
pub struct JobHandle<T> {
    pub(super) site: Site,
    pub(super) task: JoinHandle<Result<T, JobError>>,
    pub(super) stopper: CancelSource,
}

impl<T> JobHandle<T> {
    /// Stops the job's function at its next await. The job is rolled back, its `on_error` runs, and the handle returns
    /// [`JobError::Cancelled`]. If the function has already returned, the job is not stopped and commits. Transactions
    /// that a job of several units of work has committed stay committed.
    pub fn abort(&self) {
        self.stopper.stop();
    }

    /// Whether the job, including its `on_error`, has ended.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }
}

impl<T> Future for JobHandle<T> {
    type Output = Result<T, JobError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let job = self.site;
        Pin::new(&mut self.task).poll(cx).map(|ended| {
            // The task fails only if its runtime shuts down.
            ended.unwrap_or(Err(JobError::Cancelled { job }))
        })
    }
}
