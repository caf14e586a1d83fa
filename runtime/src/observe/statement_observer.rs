//! Observes one statement and reports it to the statistics, its span and the statement log.

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
    /// The entry of the statement log, if statements are logged.
    pub(crate) echo: Option<Box<LoggedStatement>>,
    pub(crate) sent: &'a mut RunTotals,
    pub(crate) times: &'a Histogram,
    pub(crate) affected: u64,
    pub(crate) returned: u64,
    pub(crate) is_over: bool,
}

impl StatementObserver<'_> {
    /// Counts a returned row.
    pub(crate) fn count_row(&mut self) {
        self.returned += 1;
    }

    /// Counts changed rows.
    pub(crate) fn count_affected(&mut self, rows: u64) {
        self.affected += rows;
    }

    /// Records that the answer was read to its end.
    pub(crate) fn answered(mut self, activity: &Activity) {
        self.is_over(activity);
        spans::answered(&self.span, self.affected, self.returned);
        if let Some(echo) = &mut self.echo {
            echo.answered();
        }
    }

    /// Records that the answer was an error, or that the statement timed out.
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
        self.sent.affected += self.affected;
        self.is_over = true;
    }
}

impl Drop for StatementObserver<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            // The future was dropped: count the time until now as the statement's duration.
            self.count_time(Instant::now());
            if self.returned == 0 {
                spans::dropped(&self.span);
            } else {
                // A row stream whose reader has found what it was looking for.
                spans::answered(&self.span, self.affected, self.returned);
                if let Some(echo) = &mut self.echo {
                    echo.answered();
                }
            }
        }
        if let Some(echo) = &mut self.echo {
            (echo.affected, echo.returned) = (self.affected, self.returned);
        }
    }
}
