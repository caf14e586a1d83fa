//! What each boundary has done so far.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::site::Site;

/// What one boundary has done so far, counted over all its runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Messages sent whose answer was waited for: begin, statements, preparing a statement for the
    /// first time on a connection, savepoints, commit. On SQLite, calls to the connection's thread.
    pub round_trips: u64,
}

/// How one run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Committed,
    RolledBack,
    Unknown,
}

/// What one run has sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) statements: u64,
    pub(crate) round_trips: u64,
}

#[derive(Default)]
pub(crate) struct Stats(Mutex<HashMap<Site, BoundaryStats>>);

impl Stats {
    pub(crate) fn record(&self, site: Site, outcome: Outcome, sent: Sent) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = sites.entry(site).or_default();
        match outcome {
            Outcome::Committed => stats.committed += 1,
            Outcome::RolledBack => stats.rolled_back += 1,
            Outcome::Unknown => stats.unknown += 1,
        }
        stats.statements += sent.statements;
        stats.round_trips += sent.round_trips;
    }

    pub(crate) fn count_retry(&self, site: Site) {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.entry(site).or_default().retried += 1;
    }

    /// In the order of the source: by file, line and name.
    pub(crate) fn snapshot(&self) -> Vec<(Site, BoundaryStats)> {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = sites.iter().map(|(site, stats)| (*site, *stats)).collect();
        all.sort_by_key(|(site, _)| (site.file(), site.line(), site.name()));
        all
    }
}
