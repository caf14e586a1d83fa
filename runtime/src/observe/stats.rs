//! Statistics of each boundary: counts of runs, statements and rows, durations, and the last error.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::{Duration, SystemTime};

use crate::observe::histogram::{Histogram, LatencyHistogram};
use crate::options::effective::SiteOptions;
use crate::scope::place::TransactionId;
use crate::scope::site::{Site, SiteKind};
use crate::util::lock::{lock, read, write};

/// The statistics of one boundary, over all its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoundaryStats {
    /// Runs that ended in a commit which the database confirmed. A run that sent no statement counts as committed.
    pub committed: u64,
    /// Runs that were rolled back: by an error, a panic, a timeout, or because the caller went away.
    pub rolled_back: u64,
    /// Runs that were rolled back because of a conflict and were [tried again](crate::Retry).
    pub retried: u64,
    /// Runs that were rolled back because of a conflict and were not tried again, although they could have been: the
    /// [budget](crate::RetryBudget) of the factory was used up.
    pub retries_refused: u64,
    /// Runs whose commit was sent and whose answer was lost.
    pub unknown: u64,
    /// Runs that were [refused at once](crate::Error::Overloaded), because too many boundaries waited for a connection. They are
    /// among those that were rolled back.
    pub refused: u64,
    /// Statements sent by the bodies.
    pub statements: u64,
    /// Rows returned by these statements.
    pub rows: u64,
    /// Messages sent whose answer was waited for: begin, statements, preparing a statement for the first time on a
    /// connection, savepoints, commit. On SQLite, calls to the connection's thread. While a connection's cache of
    /// prepared statements is full (100), preparing a statement that replaces another is not counted.
    pub round_trips: u64,
    /// Background jobs that returned `Ok`. A job's runs are counted above if it has a session; the transactions of a job
    /// that takes the factory are boundaries of their own.
    pub jobs_succeeded: u64,
    /// Background jobs that failed, after all their runs, or were cancelled. What their `on_error` then stores is counted
    /// under [`SiteKind::OnError`](crate::SiteKind::OnError).
    pub jobs_failed: u64,
    /// The durations of the runs, from the first line of the body to the end of the commit.
    pub runs: LatencyHistogram,
    /// The run that took longest.
    pub slowest: Option<SlowestRun>,
    /// The last error of the database or the boundary. An `Err` of the body's own is not recorded, except that of a job
    /// that takes the factory.
    pub last_error: Option<LastError>,
}

/// The run of a boundary that took longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowestRun {
    /// The duration of the run.
    pub took: Duration,
    /// When the run ended.
    pub at: SystemTime,
    /// The number of its transaction.
    pub transaction: TransactionId,
}

/// The last error of a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// The message, in one line.
    pub message: String,
    /// When the error occurred.
    pub at: SystemTime,
    /// The number of the transaction, if there was one.
    pub transaction: Option<TransactionId>,
}

/// How one run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunOutcome {
    Committed,
    RolledBack,
    Unknown,
}

impl RunOutcome {
    /// Returns the outcome in a word. The commit of a failure handler is no success of its job.
    pub(crate) const fn in_word(self, kind: SiteKind) -> &'static str {
        match self {
            Self::Committed if matches!(kind, SiteKind::OnError) => "recorded",
            Self::Committed => "committed",
            Self::RolledBack => "rolled_back",
            Self::Unknown => "unknown",
        }
    }
}

/// How a background job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobOutcome {
    Succeeded,
    Failed,
    Cancelled,
}

impl JobOutcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The counts and durations of one run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RunTotals {
    pub(crate) statements: u64,
    pub(crate) rows: u64,
    /// The number of rows that statements changed.
    pub(crate) affected: u64,
    pub(crate) round_trips: u64,
    /// The time spent waiting for a connection.
    pub(crate) acquiring: Duration,
    /// The time spent waiting for the answers to statements.
    pub(crate) executing: Duration,
    /// The time spent on the commit.
    pub(crate) committing: Duration,
}

/// The records of all boundaries of a factory.
#[derive(Default)]
pub(crate) struct Stats {
    records: RwLock<HashMap<Site, Arc<Record>>>,
    statements: Histogram,
}

/// The record of one boundary.
#[derive(Default)]
pub(crate) struct Record {
    counts: Mutex<BoundaryStats>,
    runs: Histogram,
    /// The effective options of the boundary.
    options: SiteOptions,
}

impl Stats {
    /// Returns the record of a boundary, and creates it if there is none.
    pub(crate) fn record(&self, site: Site) -> Arc<Record> {
        let records = read(&self.records);
        if let Some(record) = records.get(&site) {
            return Arc::clone(record);
        }
        drop(records);
        let mut records = write(&self.records);
        Arc::clone(records.entry(site).or_default())
    }

    /// Returns the durations of the statements of all boundaries together.
    pub(crate) fn statements(&self) -> &Histogram {
        &self.statements
    }

    /// Returns the statistics of all boundaries, in the order of the source: by file, line and name.
    pub(crate) fn snapshot(&self) -> Vec<(Site, BoundaryStats)> {
        let records = read(&self.records);
        let mut all: Vec<_> = records
            .iter()
            .map(|(site, record)| (*site, record.snapshot()))
            // Leave out boundaries whose first run has not ended.
            .filter(|(_, stats)| *stats != BoundaryStats::default())
            .collect();
        all.sort_by_key(|(site, _)| (site.file(), site.line(), site.name()));
        all
    }
}

impl Record {
    pub(crate) fn options(&self) -> &SiteOptions {
        &self.options
    }

    fn counts(&self) -> MutexGuard<'_, BoundaryStats> {
        lock(&self.counts)
    }

    /// Records the end of a run.
    pub(crate) fn ended(
        &self,
        transaction: TransactionId,
        outcome: RunOutcome,
        sent: &RunTotals,
        took: Duration,
    ) {
        self.runs.record(took);
        let mut counts = self.counts();
        match outcome {
            RunOutcome::Committed => counts.committed += 1,
            RunOutcome::RolledBack => counts.rolled_back += 1,
            RunOutcome::Unknown => counts.unknown += 1,
        }
        counts.statements += sent.statements;
        counts.rows += sent.rows;
        counts.round_trips += sent.round_trips;
        if counts.slowest.is_none_or(|slowest| slowest.took < took) {
            counts.slowest = Some(SlowestRun {
                took,
                at: SystemTime::now(),
                transaction,
            });
        }
    }

    /// Counts a run that the budget does not try again.
    pub(crate) fn retry_refused(&self) {
        self.counts().retries_refused += 1;
    }

    /// Counts a run that was refused at once.
    pub(crate) fn refused(&self) {
        self.counts().refused += 1;
    }

    /// Counts a background job that has ended.
    pub(crate) fn job_ended(&self, outcome: JobOutcome) {
        let mut counts = self.counts();
        match outcome {
            JobOutcome::Succeeded => counts.jobs_succeeded += 1,
            JobOutcome::Failed | JobOutcome::Cancelled => counts.jobs_failed += 1,
        }
    }

    /// Counts a run that is tried again.
    pub(crate) fn retried(&self) {
        self.counts().retried += 1;
    }

    /// Records the last error.
    pub(crate) fn failed(&self, message: String, transaction: Option<TransactionId>) {
        self.counts().last_error = Some(LastError {
            message,
            at: SystemTime::now(),
            transaction,
        });
    }

    fn snapshot(&self) -> BoundaryStats {
        let counts = self.counts().clone();
        let runs = match counts.slowest {
            Some(_) => self.runs.snapshot(),
            None => LatencyHistogram::default(),
        };
        BoundaryStats { runs, ..counts }
    }
}
