//! Who holds which connection, and since when.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::site::Site;

/// A boundary that holds a connection, from its first statement until it has ended; one that was rolled
/// back holds it until that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The boundary.
    pub boundary: Site,
    /// How long it has held the connection.
    pub held_for: Duration,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { boundary, held_for } = self;
        write!(f, "{boundary} for {held_for:.1?}")
    }
}

/// The register of those who hold a connection of one pool, oldest first.
#[derive(Clone, Default)]
pub(crate) struct Holders(Arc<Mutex<Register>>);

#[derive(Default)]
struct Register {
    next: u64,
    open: BTreeMap<u64, (Site, Instant)>,
}

impl Holders {
    /// Enters one. It stands there until what is returned is dropped.
    pub(crate) fn enter(&self, boundary: Site) -> Held {
        let mut register = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = register.next;
        register.next += 1;
        register.open.insert(number, (boundary, Instant::now()));
        Held {
            number,
            holders: self.clone(),
        }
    }

    /// Those who hold one now: who has held one longest comes first.
    pub(crate) fn now(&self) -> Vec<Holder> {
        let register = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = |(boundary, since): &(Site, Instant)| Holder {
            boundary: *boundary,
            held_for: since.elapsed(),
        };
        register.open.values().map(holder).collect()
    }
}

/// An entry in the register.
pub(crate) struct Held {
    number: u64,
    holders: Holders,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut register = self
            .holders
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        register.open.remove(&self.number);
    }
}

/// The first few of them, in a sentence.
pub(crate) struct InWords<'a>(pub(crate) &'a [Holder]);

impl fmt::Display for InWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        for (n, holder) in self.0.iter().take(SHOWN).enumerate() {
            let before = if n == 0 { "" } else { ", " };
            write!(f, "{before}{holder}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Kind;

    const SITE: Site = Site::new("post_order", Kind::Router, "src/orders.rs", 12);

    #[test]
    fn who_left_is_not_told_and_the_oldest_comes_first() {
        let holders = Holders::default();
        let first = holders.enter(SITE);
        let second = holders.enter(Site::new("list", Kind::Router, "src/orders.rs", 40));
        assert_eq!(holders.now().len(), 2);
        assert_eq!(holders.now()[0].boundary, SITE);
        drop(first);
        assert_eq!(holders.now()[0].boundary.name(), "list");
        drop(second);
        assert!(holders.now().is_empty());
    }

    #[test]
    fn of_many_a_few_are_shown() {
        let holder = Holder {
            boundary: SITE,
            held_for: Duration::from_millis(1_250),
        };
        assert_eq!(
            InWords(&[holder]).to_string(),
            "router `post_order` (src/orders.rs:12) for 1.2s"
        );
        assert!(
            InWords(&[holder; 8])
                .to_string()
                .ends_with("for 1.2s and 3 more")
        );
    }
}
