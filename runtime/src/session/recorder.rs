//! Counts the work of one run of a boundary, and reports it when the run is over.

use std::sync::Arc;
use std::time::Duration;

use crate::classify::Category;
use crate::error::Error;
#[cfg(feature = "metrics")]
use crate::observe::metrics;
use crate::observe::spans;
use crate::observe::stats::{Record, RunOutcome, RunTotals};
use crate::scope::activity::Activity;
use crate::session::failure::FailureMark;
use crate::targets;
use crate::util::registry::RegistryEntry;

/// The totals and the outcome of one run. Dropping it reports them to the span, the log, the statistics and
/// the metrics.
pub(crate) struct Recorder {
    activity: Arc<Activity>,
    record: Arc<Record>,
    /// The entry in the registry of open boundaries.
    _open: RegistryEntry<Arc<Activity>>,
    /// The duration until the commit.
    took: Option<Duration>,
    pub(crate) totals: RunTotals,
    pub(crate) outcome: RunOutcome,
    /// The category of the error that ended the boundary, unless the body returned an error of its own.
    ended_by: Option<Category>,
}

impl Recorder {
    pub(crate) fn new(
        activity: Arc<Activity>,
        record: Arc<Record>,
        open: RegistryEntry<Arc<Activity>>,
    ) -> Self {
        Self {
            activity,
            record,
            _open: open,
            took: None,
            totals: RunTotals::default(),
            outcome: RunOutcome::RolledBack,
            ended_by: None,
        }
    }

    /// Records the commit. Hooks that run afterwards do not count as part of the run.
    pub(crate) fn committed(&mut self) {
        self.outcome = RunOutcome::Committed;
        self.took = Some(self.activity.began().elapsed());
        self.activity.commits();
    }

    /// Records the error that the boundary returns, and adds the run to it.
    pub(crate) fn end_with(&mut self, error: Error) -> Error {
        let error = error.at(|| self.activity.place_of_run());
        self.ended_by = Some(error.classification().category);
        self.record
            .failed(error.to_string(), Some(self.activity.transaction()));
        error
    }

    /// Records the first failure of the session, unless the boundary returned an error of its own.
    pub(crate) fn blame(&mut self, mark: &FailureMark) {
        if self.ended_by.is_none() {
            let (message, category) = mark.returned();
            self.ended_by = Some(category);
            self.record
                .failed(message, Some(self.activity.transaction()));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let (activity, outcome, sent) = (&self.activity, self.outcome, &self.totals);
        let kind = activity.site().kind();
        spans::boundary_ended(activity.span(), kind, outcome, self.ended_by, sent);
        tracing::debug!(
            target: targets::TRANSACTION,
            parent: activity.span(),
            boundary = %activity.site(),
            outcome = outcome.in_word(kind),
            statements = sent.statements,
            round_trips = sent.round_trips,
            "boundary ended",
        );
        let took = self.took.unwrap_or_else(|| activity.began().elapsed());
        self.record
            .ended(activity.transaction(), outcome, sent, took);
        if self.ended_by == Some(Category::Overloaded) {
            self.record.refused();
        }
        #[cfg(feature = "metrics")]
        metrics::ended(activity.site(), outcome, self.ended_by, sent, took);
    }
}
