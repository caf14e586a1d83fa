//! A future that ends, whether or not its caller waits for it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use tokio::runtime::Handle;

/// Runs a future where it is awaited. Dropped before its end, it leaves the rest to a task.
///
/// A commit that was sent cannot be taken back; what can be had is that its answer is read and that
/// what depends on it is done.
pub(crate) struct DetachOnDrop<T: Send + 'static> {
    future: Option<BoxFuture<'static, T>>,
    runtime: Handle,
}

impl<T: Send + 'static> DetachOnDrop<T> {
    pub(crate) fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self {
            future: Some(Box::pin(future)),
            runtime: Handle::current(),
        }
    }
}

impl<T: Send + 'static> Future for DetachOnDrop<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(future) = &mut self.future else {
            // Polled again after its end, which no caller does.
            return Poll::Pending;
        };
        let output = ready!(future.as_mut().poll(cx));
        self.future = None;
        Poll::Ready(output)
    }
}

impl<T: Send + 'static> Drop for DetachOnDrop<T> {
    fn drop(&mut self) {
        if let Some(rest) = self.future.take() {
            self.runtime.spawn(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_left_of_a_dropped_future_is_done_all_the_same() {
        let (done, is_done) = tokio::sync::oneshot::channel();
        let long = DetachOnDrop::new(async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            done.send("done").ok();
        });
        assert!(
            tokio::time::timeout(Duration::from_millis(5), long)
                .await
                .is_err()
        );
        assert_eq!(is_done.await, Ok("done"));
    }

    #[tokio::test]
    async fn what_is_awaited_is_done_where_it_is() {
        assert_eq!(DetachOnDrop::new(async { 42 }).await, 42);
    }
}
