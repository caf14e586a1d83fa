//! Records which boundaries hold a connection of a pool, and since when.

use std::time::Instant;

use crate::scope::holder::ConnectionHolder;
use crate::scope::site::Site;
use crate::util::registry::{Registry, RegistryEntry};

/// The boundaries that hold a connection of one pool.
#[derive(Default)]
pub(crate) struct Holders(Registry<(Site, Instant)>);

/// The entry of one held connection. Dropping it removes the entry and records the time in the metrics.
pub(crate) struct HolderEntry {
    _entry: RegistryEntry<(Site, Instant)>,
    #[cfg(feature = "metrics")]
    since: (Site, Instant),
}

#[cfg(feature = "metrics")]
impl Drop for HolderEntry {
    fn drop(&mut self) {
        let (boundary, since) = self.since;
        crate::observe::metrics::held(boundary, since.elapsed());
    }
}

impl Holders {
    /// Adds `boundary`, to which a connection was lent at `lent_at`, until the returned entry is dropped.
    pub(crate) fn enter(&self, boundary: Site, lent_at: Instant) -> HolderEntry {
        let since = (boundary, lent_at);
        HolderEntry {
            _entry: self.0.enter(since),
            #[cfg(feature = "metrics")]
            since,
        }
    }

    /// Returns the current holders. The one that has held a connection longest comes first.
    pub(crate) fn list(&self) -> Vec<ConnectionHolder> {
        self.0.map(|(boundary, since)| ConnectionHolder {
            boundary: *boundary,
            held_for: since.elapsed(),
        })
    }
}
