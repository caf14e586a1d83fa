//! Limits how many connections of a pool jobs may hold at once, and how many everybody else.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

use crate::pool::overload::WaitCounter;
use crate::scope::current;

/// The shares of a pool that jobs and everybody else have.
#[derive(Default)]
pub(crate) struct Shares {
    jobs: Option<Share>,
    requests: Option<Share>,
}

impl Shares {
    pub(crate) fn new(jobs: Option<usize>, requests: Option<usize>) -> Self {
        Self {
            jobs: jobs.map(Share::new),
            requests: requests.map(Share::new),
        }
    }

    /// Returns the share of the caller, if it has only one.
    pub(crate) fn of_caller(&self) -> Option<&Share> {
        match current::is_in_job() {
            true => self.jobs.as_ref(),
            false => self.requests.as_ref(),
        }
    }
}

/// The connections that some of the boundaries may hold at once. They are served in the order in which they came.
pub(crate) struct Share {
    size: usize,
    free: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// A connection's part of a share. Dropping it lets the next boundary have one.
///
/// Its type is hidden: clippy's `significant_drop_tightening` would find the permit in each session of the user's.
pub(crate) type SharePermit = Box<dyn Any + Send + Sync>;

impl Share {
    fn new(size: usize) -> Self {
        Self {
            size,
            free: Arc::new(Semaphore::new(size)),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Returns the number of connections.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// Whether all of them are held.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.free.available_permits() == 0
    }

    /// Returns how many boundaries wait. The caller is not one of them.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Takes a part of the share, and waits for it if there is none.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up the place in the queue.
    pub(crate) async fn enter(&self) -> Option<SharePermit> {
        let free = Arc::clone(&self.free);
        let permit = if let Ok(permit) = Arc::clone(&free).try_acquire_owned() {
            permit
        } else {
            let _waiting = WaitCounter::new(&self.waiting);
            // The semaphore is never closed.
            free.acquire_owned().await.ok()?
        };
        Some(Box::new(permit))
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn who_is_no_job_has_the_other_share() {
        let shares = Shares::new(Some(1), None);
        assert!(shares.of_caller().is_none());
        let in_job = async { shares.of_caller().map(Share::size) };
        assert_eq!(current::in_job(in_job).await, Some(1));
    }

    #[tokio::test]
    async fn a_place_in_the_queue_is_given_up() {
        let share = Share::new(1);
        let held = share.enter().await;
        assert!(share.is_exhausted());
        {
            let mut waits = pin!(share.enter());
            assert!(waits.as_mut().now_or_never().is_none());
            assert_eq!(share.waiting(), 1);
        }
        assert_eq!(share.waiting(), 0);
        drop(held);
        assert!(share.enter().now_or_never().is_some());
    }
}
