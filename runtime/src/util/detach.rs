//! A future that runs to its end even if its caller drops it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use tokio::runtime::Handle;

/// Runs a future in place while it is awaited. If it is dropped before its end, spawns the rest as a task.
///
/// A commit that was sent cannot be taken back. Its answer has to be read and its hooks have to run, even if the caller
/// is gone.
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
            // Only reached if it is polled after its end, which no caller does.
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
