//! What this factory knows of itself, without asking anybody.

use std::time::Duration;

use super::readings::Share;
use crate::backend::Backend;
use crate::factory::SessionFactory;
use crate::site::Site;

/// A boundary that is open.
pub(super) struct Open {
    pub(super) boundary: Site,
    pub(super) open_for: Duration,
    pub(super) service: Option<Site>,
    /// The server's number for its session.
    pub(super) process: Option<u64>,
}

/// The boundaries that are open now.
pub(super) fn open<DB: Backend>(db: &SessionFactory<DB>) -> Vec<Open> {
    let holders = db.pool_status().holders.into_iter();
    holders
        .map(|holder| Open {
            boundary: holder.boundary,
            open_for: holder.held_for,
            service: None,
            process: None,
        })
        .collect()
}

/// What this factory has counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Own {
    /// Runs that were rolled back, of all.
    pub(super) ended: Share,
    /// Runs that met a conflict, of all.
    pub(super) conflicts: Share,
}

pub(super) fn own<DB: Backend>(db: &SessionFactory<DB>) -> Own {
    let mut own = Own::default();
    for (_, stats) in db.stats() {
        let runs = stats.committed + stats.rolled_back + stats.unknown;
        own.ended.part += stats.rolled_back;
        own.conflicts.part += stats.retried;
        own.ended.whole += runs;
        own.conflicts.whole += runs;
    }
    own
}
