//! A registry whose entries remove themselves when they are dropped.

use crate::util::lock::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// A list of the current entries, oldest first.
pub(crate) struct Registry<T>(Arc<Mutex<Entries<T>>>);

struct Entries<T> {
    next: u64,
    open: BTreeMap<u64, T>,
}

impl<T> Registry<T> {
    /// Adds an entry, which dropping the returned guard removes.
    pub(crate) fn enter(&self, entry: T) -> RegistryEntry<T> {
        let mut entries = lock(&self.0);
        let number = entries.next;
        entries.next += 1;
        entries.open.insert(number, entry);
        RegistryEntry {
            number,
            register: Self(Arc::clone(&self.0)),
        }
    }

    /// Returns the results of `view` for all entries, oldest first.
    pub(crate) fn map<V>(&self, view: impl FnMut(&T) -> V) -> Vec<V> {
        let entries = lock(&self.0);
        entries.open.values().map(view).collect()
    }
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Entries {
            next: 0,
            open: BTreeMap::new(),
        })))
    }
}

/// The guard of an entry. Dropping it removes the entry.
pub(crate) struct RegistryEntry<T> {
    number: u64,
    register: Registry<T>,
}

impl<T> Drop for RegistryEntry<T> {
    fn drop(&mut self) {
        let entries = &self.register.0;
        let mut entries = lock(entries);
        entries.open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_entries_are_gone_and_the_oldest_comes_first() {
        let register = Registry::default();
        let first = register.enter("first");
        let second = register.enter("second");
        assert_eq!(register.map(|entry| *entry), ["first", "second"]);
        drop(first);
        assert_eq!(register.map(|entry| *entry), ["second"]);
        drop(second);
        assert!(register.map(|entry| *entry).is_empty());
    }
}
