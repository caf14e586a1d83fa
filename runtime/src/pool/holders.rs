//! Who holds which connection, and since when.

use std::time::Instant;

use crate::scope::holder::ConnectionHolder;
use crate::scope::site::Site;
use crate::util::registry::{Registry, RegistryEntry};

/// Those who hold a connection of one pool.
#[derive(Default)]
pub(crate) struct Holders(Registry<(Site, Instant)>);

/// Somebody's entry.
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
    /// Enters one. It stands there until what is returned is dropped.
    pub(crate) fn enter(&self, boundary: Site) -> HolderEntry {
        let since = (boundary, Instant::now());
        HolderEntry {
            _entry: self.0.enter(since),
            #[cfg(feature = "metrics")]
            since,
        }
    }

    /// Those who hold one now: who has held one longest comes first.
    pub(crate) fn now(&self) -> Vec<ConnectionHolder> {
        self.0.now(|(boundary, since)| ConnectionHolder {
            boundary: *boundary,
            held_for: since.elapsed(),
        })
    }
}
