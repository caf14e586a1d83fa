//! Records what one run of a boundary has done, and reports it when the run is over.

use std::sync::Arc;
use std::time::Duration;

use crate::classify::Category;
use crate::error::Error;
#[cfg(feature = "metrics")]
use crate::observe::metrics;
use crate::observe::spans;
use crate::observe::stats::{Outcome, Record, Sent};
use crate::scope::activity::Trail;
use crate::session::failure::Mark;
use crate::targets;
use crate::util::registry::Entered;

/// The totals and the outcome of one run. Dropping it reports them to the span, the log, the statistics and
/// the metrics.
pub(crate) struct Recorder {
    trail: Arc<Trail>,
    record: Arc<Record>,
    /// The entry among the open boundaries, until the commit.
    open: Option<Entered<Arc<Trail>>>,
    /// The duration until the commit.
    took: Option<Duration>,
    pub(crate) sent: Sent,
    pub(crate) outcome: Outcome,
    /// The category of the error that the boundary ended with, unless that was the body's own.
    ended_by: Option<Category>,
}

impl Recorder {
    pub(crate) fn new(trail: Arc<Trail>, record: Arc<Record>, open: Entered<Arc<Trail>>) -> Self {
        Self {
            trail,
            record,
            open: Some(open),
            took: None,
            sent: Sent::default(),
            outcome: Outcome::RolledBack,
            ended_by: None,
        }
    }

    /// The transaction is committed. What runs after that is not part of the run.
    pub(crate) fn committed(&mut self) {
        self.outcome = Outcome::Committed;
        self.took = Some(self.trail.began().elapsed());
        self.open = None;
    }

    /// Records the error that the boundary returns, and adds the run to it.
    pub(crate) fn end_with(&mut self, error: Error) -> Error {
        let error = error.at(|| self.trail.place_of_run());
        self.ended_by = Some(error.classification().category);
        self.record
            .failed(error.to_string(), Some(self.trail.transaction()));
        error
    }

    /// Records the first failure of the session, unless the boundary returned an error of its own.
    pub(crate) fn blame(&mut self, mark: &Mark) {
        if self.ended_by.is_none() {
            let (said, category) = mark.returned();
            self.ended_by = Some(category);
            self.record.failed(said, Some(self.trail.transaction()));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let (trail, outcome, sent) = (&self.trail, self.outcome, &self.sent);
        spans::boundary_ended(trail.span(), outcome, self.ended_by, sent);
        tracing::debug!(
            target: targets::TRANSACTION,
            parent: trail.span(),
            boundary = %trail.site(),
            ?outcome,
            statements = sent.statements,
            round_trips = sent.round_trips,
            "boundary ended",
        );
        let took = self.took.unwrap_or_else(|| trail.began().elapsed());
        self.record.ended(trail.transaction(), outcome, sent, took);
        #[cfg(feature = "metrics")]
        metrics::ended(trail.site(), outcome, self.ended_by, sent, took);
    }
}
