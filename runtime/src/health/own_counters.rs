//! The counters that the factory keeps itself.

use super::readings::Share;
use crate::backend::Backend;
use crate::factory::SessionFactory;
use crate::observe::histogram::LatencyHistogram;

/// The counters that the factory keeps itself.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnCounters {
    /// The durations of all statements.
    pub(super) statements: LatencyHistogram,
    /// Runs that were rolled back, of all.
    pub(super) ended: Share,
    /// Runs that met a conflict, of all.
    pub(super) conflicts: Share,
    /// Boundaries that the pool refused at once.
    pub(super) refused: u64,
}

impl OwnCounters {
    /// Returns the counters of the factory as they are now.
    pub(super) fn of<DB: Backend>(db: &SessionFactory<DB>) -> Self {
        let mut own = Self {
            statements: db.statement_times(),
            refused: db.pool().learned().load.count_refused(),
            ..Self::default()
        };
        for (_, stats) in db.stats() {
            let runs = stats.committed + stats.rolled_back + stats.unknown;
            own.ended.part += stats.rolled_back;
            own.conflicts.part += stats.retried;
            own.ended.whole += runs;
            own.conflicts.whole += runs;
        }
        own
    }
}
