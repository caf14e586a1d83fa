//! Counts one background job, and reports how it ended.

use std::sync::Arc;
use std::time::Instant;

use tracing::Span;

use super::error::JobError;
#[cfg(feature = "metrics")]
use crate::observe::metrics;
use crate::observe::spans;
use crate::observe::stats::{JobOutcome, Record};
use crate::scope::site::Site;

/// The outcome of one job. Dropping it reports the outcome to the span, the statistics and the metrics: a job whose
/// future is dropped was cancelled.
#[cfg_attr(
    not(feature = "metrics"),
    allow(dead_code, reason = "read by the metrics")
)]
pub(super) struct JobRecorder {
    site: Site,
    span: Span,
    record: Arc<Record>,
    began: Instant,
    outcome: JobOutcome,
}

impl JobRecorder {
    pub(super) fn new(site: Site, span: Span, record: Arc<Record>) -> Self {
        Self {
            site,
            span,
            record,
            began: Instant::now(),
            outcome: JobOutcome::Cancelled,
        }
    }

    pub(super) fn succeeded(mut self) {
        self.outcome = JobOutcome::Succeeded;
    }

    /// Records the failure. The error of a job with a session was recorded by its boundary.
    pub(super) fn failed(mut self, error: &JobError, has_session: bool, by_close: bool) {
        if !by_close && !matches!(error, JobError::Cancelled { .. }) {
            self.outcome = JobOutcome::Failed;
        }
        if !has_session {
            self.record.failed(error.to_string(), None);
        }
    }
}

impl Drop for JobRecorder {
    fn drop(&mut self) {
        spans::job_ended(&self.span, self.outcome);
        self.record.job_ended(self.outcome);
        #[cfg(feature = "metrics")]
        metrics::job_ended(self.site, self.outcome, self.began.elapsed());
    }
}
