//! A typed map: values that a lower layer stores without knowing their types.

use crate::util::lock::lock;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

/// Holds at most one value of each type.
///
/// As in `http::Extensions`, the type is the key. The values are shared: each is behind an `Arc`, and created by its first
/// use.
#[derive(Default)]
pub(crate) struct Extensions {
    values: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Extensions {
    /// Returns the value of type `T`, and stores a default one first if there is none.
    pub(crate) fn get_or_default<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut values = lock(&self.values);
        let value = values
            .entry(TypeId::of::<T>())
            .or_insert_with(|| Arc::<T>::default());
        match Arc::clone(value).downcast() {
            Ok(value) => value,
            // Each value is stored under the id of its type.
            Err(_) => unreachable!("a value of another type is stored under this one"),
        }
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extensions").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn there_is_one_value_of_each_type() {
        let extensions = Extensions::default();
        extensions
            .get_or_default::<AtomicU32>()
            .store(7, Ordering::Relaxed);
        let again = extensions.get_or_default::<AtomicU32>();
        assert_eq!(again.load(Ordering::Relaxed), 7);
        assert_eq!(*extensions.get_or_default::<String>(), "");
    }
}
