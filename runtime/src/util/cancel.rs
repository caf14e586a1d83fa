//! A cancellation token, by which a body is stopped from outside.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::task::Poll;

use tokio::sync::watch;

/// Stops the bodies that run under its [`CancelToken`].
#[derive(Clone, Debug)]
pub(crate) struct CancelSource(watch::Sender<bool>);

/// The token under which a body runs, and which its [`CancelSource`] can cancel.
#[derive(Clone, Debug)]
pub(crate) struct CancelToken(Option<watch::Receiver<bool>>);

impl CancelSource {
    /// Creates a source and its token.
    pub(crate) fn new() -> (Self, CancelToken) {
        let (stopper, stop) = watch::channel(false);
        (Self(stopper), CancelToken(Some(stop)))
    }

    /// Cancels all tokens of this source.
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl CancelToken {
    /// Returns a token that is never cancelled.
    pub(crate) fn never() -> Self {
        Self(None)
    }

    /// Runs the future and returns its output. Returns `None` if the token is cancelled first: the future is then
    /// dropped at its current await.
    pub(crate) async fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let Some(stop) = &self.0 else {
            return Some(future.await);
        };
        let mut future = pin!(future);
        // A future that ends without waiting needs no place among those that wait for the token.
        let mut stopped = None;
        poll_fn(|context| {
            if *stop.borrow() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                return Poll::Ready(Some(output));
            }
            let stopped = stopped.get_or_insert_with(|| Box::pin(cancelled(stop.clone())));
            stopped.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}

/// Waits until the token is cancelled, for ever if nothing can cancel it any more.
async fn cancelled(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stopped| *stopped).await.is_err() {
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_cancelled_token_runs_nothing() {
        let (source, token) = CancelSource::new();
        source.stop();
        let ran = token
            .run(async { unreachable!("it must not be polled") })
            .await;
        assert_eq!(ran, None::<()>);
    }

    #[tokio::test]
    async fn what_waits_is_dropped_when_the_token_is_cancelled() {
        let (source, token) = CancelSource::new();
        let (dropped, is_dropped) = tokio::sync::oneshot::channel::<()>();
        let waits = tokio::spawn(async move {
            let held = async {
                let _held = dropped;
                pending::<()>().await;
            };
            token.run(held).await
        });
        tokio::task::yield_now().await;
        source.stop();
        assert_eq!(waits.await.unwrap(), None);
        assert!(is_dropped.await.is_err());
    }

    #[tokio::test]
    async fn what_ends_gives_its_output_although_the_source_is_gone() {
        let (source, token) = CancelSource::new();
        drop(source);
        let soon = async {
            tokio::task::yield_now().await;
            42
        };
        assert_eq!(token.run(soon).await, Some(42));
        assert_eq!(CancelToken::never().run(async { 1 }).await, Some(1));
    }
}
