//! Who is there now.

use crate::util::lock::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The entries of those who are there, oldest first.
pub(crate) struct Registry<T>(Arc<Mutex<Entries<T>>>);

struct Entries<T> {
    next: u64,
    open: BTreeMap<u64, T>,
}

impl<T> Registry<T> {
    /// Enters one. It stands there until what is returned is dropped.
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

    /// What `view` makes of each: who has been there longest comes first.
    pub(crate) fn now<V>(&self, view: impl FnMut(&T) -> V) -> Vec<V> {
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

/// An entry.
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
    fn who_left_is_not_told_and_the_oldest_comes_first() {
        let register = Registry::default();
        let first = register.enter("first");
        let second = register.enter("second");
        assert_eq!(register.now(|entry| *entry), ["first", "second"]);
        drop(first);
        assert_eq!(register.now(|entry| *entry), ["second"]);
        drop(second);
        assert!(register.now(|entry| *entry).is_empty());
    }
}
