//! One look for all who ask at the same time.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::task::AbortHandle;

/// What many ask for at once is made once. It is made by a task, and not by who asks: a probe that goes away after a
/// second neither ends it for the others nor begins a new one with each of its attempts.
pub(super) struct Flight<T: Clone> {
    /// When the last began, and what comes of it.
    last: Mutex<Option<Last<T>>>,
    /// How long what came of it is given out.
    max_age: Duration,
}

struct Last<T: Clone> {
    began: Instant,
    /// Whoever asked may be gone: it is the task that knows whether it is done.
    task: AbortHandle,
    pending: Shared<BoxFuture<'static, Option<Arc<T>>>>,
}

impl<T: Clone + Send + Sync + 'static> Flight<T> {
    pub(super) fn new(max_age: Duration) -> Self {
        Self {
            last: Mutex::new(None),
            max_age,
        }
    }

    /// What `make` gives, or what it gave a moment ago; nothing where it panicked.
    pub(super) async fn get<F>(&self, make: impl FnOnce() -> F) -> Option<Arc<T>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let pending = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            match &*last {
                // It began before its end, so that it is a bit younger than this says.
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
        let flight = Arc::new(Flight::new(Duration::ZERO));
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
        let flight = Flight::new(Duration::ZERO);
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
        let flight = Flight::new(Duration::from_secs(60));
        assert_eq!(flight.get(|| async { 1 }).await.as_deref(), Some(&1));
        assert_eq!(flight.get(|| async { 2 }).await.as_deref(), Some(&1));
    }

    #[tokio::test]
    async fn a_panic_is_nothing_and_is_forgotten() {
        let flight: Flight<u8> = Flight::new(Duration::ZERO);
        assert!(flight.get(|| async { panic!("bad luck") }).await.is_none());
        assert_eq!(flight.get(|| async { 2 }).await.as_deref(), Some(&2));
    }
}
