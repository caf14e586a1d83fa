//! A statement of the body's, for those who watch: statistics, spans and the log.

use std::time::Instant;

use tracing::Span;

use crate::observe::histogram::Histogram;
use crate::observe::spans;
use crate::observe::statement_log::LoggedStatement;
use crate::observe::stats::RunTotals;
use crate::scope::activity::Activity;

/// A statement whose answer is awaited.
pub(crate) struct StatementObserver<'a> {
    pub(crate) sent_at: Instant,
    pub(crate) span: Span,
    /// Where statements are logged.
    pub(crate) echo: Option<Box<LoggedStatement>>,
    pub(crate) sent: &'a mut RunTotals,
    pub(crate) times: &'a Histogram,
    pub(crate) affected: u64,
    pub(crate) returned: u64,
    pub(crate) is_over: bool,
}

impl StatementObserver<'_> {
    /// Counts a row that was returned.
    pub(crate) fn count_row(&mut self) {
        self.returned += 1;
    }

    /// Counts rows that were changed.
    pub(crate) fn count_affected(&mut self, rows: u64) {
        self.affected += rows;
    }

    /// The answer is there.
    pub(crate) fn answered(mut self, activity: &Activity) {
        self.is_over(activity);
        spans::answered(&self.span, self.affected, self.returned);
        if let Some(echo) = &mut self.echo {
            echo.answered();
        }
    }

    /// The answer is an error, or comes too late.
    pub(crate) fn failed(mut self, activity: &Activity, error: &sqlx::Error) {
        self.is_over(activity);
        spans::failed(&self.span, error);
        if let Some(echo) = &mut self.echo {
            echo.failed(error);
        }
    }

    fn is_over(&mut self, activity: &Activity) {
        let now = Instant::now();
        activity.answered(now);
        self.count_time(now);
    }

    fn count_time(&mut self, now: Instant) {
        let took = now.saturating_duration_since(self.sent_at);
        self.times.record(took);
        self.sent.executing += took;
        self.sent.rows += self.returned;
        self.is_over = true;
    }
}

impl Drop for StatementObserver<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // Nobody waits for it any longer: as long as that has been waited for, it has taken.
            self.count_time(Instant::now());
            spans::dropped(&self.span);
        }
        if let Some(echo) = &mut self.echo {
            (echo.affected, echo.returned) = (self.affected, self.returned);
        }
    }
}
