//! Counts the boundaries and the lent connections for whose end a closing pool waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// The boundaries and the lent connections of a pool.
#[derive(Default)]
pub(super) struct Guests(Arc<Counter>);

#[derive(Default)]
struct Counter {
    guests: AtomicUsize,
    /// Notified when the last guest leaves.
    left: Notify,
}

impl Guests {
    /// Counts a boundary or a lent connection until the [`Guest`] is dropped.
    pub(super) fn enter(&self) -> Guest {
        self.0.guests.fetch_add(1, Ordering::SeqCst);
        Guest(Arc::clone(&self.0))
    }

    /// Waits until there is none.
    pub(super) async fn none(&self) {
        loop {
            // Made before the count is read, so that it also hears of a guest that leaves between the two.
            let left = self.0.left.notified();
            if self.0.guests.load(Ordering::SeqCst) == 0 {
                return;
            }
            left.await;
        }
    }
}

/// A boundary or a lent connection. [`Pool::close`](super::Pool::close) waits until each is dropped.
pub(crate) struct Guest(Arc<Counter>);

impl Drop for Guest {
    fn drop(&mut self) {
        if self.0.guests.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_the_last_one_is_heard_of() {
        let guests = Arc::new(Guests::default());
        guests.none().await;
        let (one, other) = (guests.enter(), guests.enter());
        let waits = tokio::spawn({
            let guests = Arc::clone(&guests);
            async move { guests.none().await }
        });
        tokio::task::yield_now().await;
        drop(one);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(other);
        waits.await.unwrap();
    }
}
