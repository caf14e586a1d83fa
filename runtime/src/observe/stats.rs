//! What each boundary has done so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::time::{Duration, SystemTime};

use crate::observe::histogram::{Histogram, LatencyHistogram};
use crate::options::effective::SiteOptions;
use crate::scope::place::TransactionId;
use crate::scope::site::Site;
use crate::util::lock::{lock, read, write};

/// What one boundary has done so far, counted over all its runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BoundaryStats {
    /// Runs that ended in a commit, proven by the database. A run that sent no statement is one.
    pub committed: u64,
    /// Runs that were rolled back: by an error, a panic, a timeout, or because the caller went away.
    pub rolled_back: u64,
    /// Of those, runs that met a conflict and were [tried again](crate::Retry).
    pub retried: u64,
    /// Runs whose commit was sent and whose answer was lost.
    pub unknown: u64,
    /// Statements that the bodies sent.
    pub statements: u64,
    /// Rows that these gave.
    pub rows: u64,
    /// Messages sent whose answer was waited for: begin, statements, preparing a statement for the
    /// first time on a connection, savepoints, commit. On SQLite, calls to the connection's thread. Where a connection
    /// keeps as many prepared statements as it may (100), one that takes the place of another is prepared unseen.
    pub round_trips: u64,
    /// How long the runs took, from the first line of the body to the end of the commit.
    pub runs: LatencyHistogram,
    /// The run that took longest.
    pub slowest: Option<SlowestRun>,
    /// What last went wrong with the database or the boundary. An `Err` of the body's own is not known here.
    pub last_error: Option<LastError>,
}

/// The run of a boundary that took longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowestRun {
    /// How long it took.
    pub took: Duration,
    /// When it ended.
    pub at: SystemTime,
    /// Its number.
    pub transaction: TransactionId,
}

/// The last error of a boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastError {
    /// What it said, in one line.
    pub message: String,
    /// When that was.
    pub at: SystemTime,
    /// The number of the transaction, where there was one.
    pub transaction: Option<TransactionId>,
}

/// How one run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Committed,
    RolledBack,
    Unknown,
}

impl Outcome {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Committed => "committed",
            Self::RolledBack => "rolled_back",
            Self::Unknown => "unknown",
        }
    }
}

/// What one run has sent, and what it spent its time with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RunTotals {
    pub(crate) statements: u64,
    pub(crate) rows: u64,
    pub(crate) round_trips: u64,
    /// Waiting for a connection.
    pub(crate) acquiring: Duration,
    /// Waiting for the answers to statements.
    pub(crate) executing: Duration,
    pub(crate) committing: Duration,
}

/// The records of all boundaries of a factory.
#[derive(Default)]
pub(crate) struct Stats {
    records: RwLock<HashMap<Site, Arc<Record>>>,
    statements: Histogram,
}

/// That of one boundary.
#[derive(Default)]
pub(crate) struct Record {
    counts: Mutex<BoundaryStats>,
    runs: Histogram,
    /// The effective options of the boundary.
    options: SiteOptions,
}

impl Stats {
    /// That of a boundary.
    pub(crate) fn of(&self, site: Site) -> Arc<Record> {
        let records = read(&self.records);
        if let Some(record) = records.get(&site) {
            return Arc::clone(record);
        }
        drop(records);
        let mut records = write(&self.records);
        Arc::clone(records.entry(site).or_default())
    }

    /// How long statements took, of all boundaries together.
    pub(crate) fn statements(&self) -> &Histogram {
        &self.statements
    }

    /// In the order of the source: by file, line and name.
    pub(crate) fn snapshot(&self) -> Vec<(Site, BoundaryStats)> {
        let records = read(&self.records);
        let mut all: Vec<_> = records
            .iter()
            .map(|(site, record)| (*site, record.snapshot()))
            // One whose first run is not over yet has done nothing so far.
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

    /// A run has ended.
    pub(crate) fn ended(
        &self,
        transaction: TransactionId,
        outcome: Outcome,
        sent: &RunTotals,
        took: Duration,
    ) {
        self.runs.record(took);
        let mut counts = self.counts();
        match outcome {
            Outcome::Committed => counts.committed += 1,
            Outcome::RolledBack => counts.rolled_back += 1,
            Outcome::Unknown => counts.unknown += 1,
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

    pub(crate) fn retried(&self) {
        self.counts().retried += 1;
    }

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
            Some(_) => self.runs.now(),
            None => LatencyHistogram::default(),
        };
        BoundaryStats { runs, ..counts }
    }
}
