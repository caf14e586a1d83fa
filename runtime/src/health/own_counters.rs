//! What this factory has counted itself, without asking anybody.

use super::readings::Share;
use crate::backend::Backend;
use crate::durations::Durations;
use crate::factory::SessionFactory;

/// What this factory has counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    pub(super) statements: Durations,
    /// Runs that were rolled back, of all.
    pub(super) ended: Share,
    /// Runs that met a conflict, of all.
    pub(super) conflicts: Share,
}

pub(super) fn own<DB: Backend>(db: &SessionFactory<DB>) -> Own {
    let mut own = Own {
        statements: db.statement_times(),
        ..Own::default()
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
