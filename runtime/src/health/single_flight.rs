//! Shares one computation between concurrent callers.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::util::lock::lock;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::task::AbortHandle;

/// Computes a value once for all concurrent callers, and reuses it for a time.
///
/// A task of its own computes the value: a caller that gives up after a second does not cancel it for the others, and does
/// not start another with each of its attempts.
pub(super) struct SingleFlight<T: Clone> {
    /// The last computation.
    last: Mutex<Option<Last<T>>>,
    /// How long a value is reused, from the start of its computation.
    max_age: Duration,
}

/// A computation, in progress or complete.
struct Last<T: Clone> {
    began: Instant,
    /// The task that computes the value. All callers may have given up, so only the task tells whether it is done.
    task: AbortHandle,
    pending: Shared<BoxFuture<'static, Option<Arc<T>>>>,
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    pub(super) fn new(max_age: Duration) -> Self {
        Self {
            last: Mutex::new(None),
            max_age,
        }
    }

    /// Returns the value of `make`, or of a call that is in progress or recent; `None` if it panicked.
    pub(super) async fn get<F>(&self, make: impl FnOnce() -> F) -> Option<Arc<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let pending = {
            let mut last = lock(&self.last);
            match &*last {
                // The age is counted from the start, so the value is somewhat younger.
                Some(last) if !last.task.is_finished() || last.began.elapsed() < self.max_age => {
                    last.pending.clone()
                }
                _ => {
                    let made = tokio::spawn(make());
                    let task = made.abort_handle();
                    let pending = async move { made.await.ok().map(Arc::new) };
                    let pending = pending.boxed().shared();
                    *last = Some(Last {
                        began: Instant::now(),
                        task,
                        pending: pending.clone(),
                    });
                    pending
                }
            }
        };
        pending.await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn all_who_ask_meanwhile_get_the_same() {
        let flight = Arc::new(SingleFlight::new(Duration::ZERO));
        let made = Arc::new(AtomicUsize::new(0));
        let ask = || {
            let (flight, made) = (Arc::clone(&flight), Arc::clone(&made));
            async move {
                let make = || async move {
                    let number = made.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    number
                };
                *flight.get(make).await.unwrap()
            }
        };
        // One that goes away at once leaves it to the others.
        assert!(
            tokio::time::timeout(Duration::from_millis(1), ask())
                .await
                .is_err()
        );
        let all = futures_util::future::join_all((0..100).map(|_| ask())).await;
        assert_eq!(all, [0; 100]);
        assert_eq!(ask().await, 1, "what is done is old");
    }

    #[tokio::test]
    async fn what_nobody_has_waited_for_grows_old_as_well() {
        let flight = SingleFlight::new(Duration::ZERO);
        let slow = async || tokio::time::sleep(Duration::from_millis(20)).await;
        let gone = flight.get(|| async move {
            slow().await;
            1
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(1), gone)
                .await
                .is_err()
        );
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(flight.get(|| async { 2 }).await.as_deref(), Some(&2));
    }

    #[tokio::test]
    async fn what_is_young_is_given_again() {
        let flight = SingleFlight::new(Duration::from_secs(60));
        assert_eq!(flight.get(|| async { 1 }).await.as_deref(), Some(&1));
        assert_eq!(flight.get(|| async { 2 }).await.as_deref(), Some(&1));
    }

    #[tokio::test]
    async fn a_panic_is_nothing_and_is_forgotten() {
        let flight: SingleFlight<u8> = SingleFlight::new(Duration::ZERO);
        assert!(flight.get(|| async { panic!("bad luck") }).await.is_none());
        assert_eq!(flight.get(|| async { 2 }).await.as_deref(), Some(&2));
    }
}
