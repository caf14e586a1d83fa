//! A cancellation token, by which a body is stopped from outside.

use std::pin::pin;

use futures_util::future::{Either, select};
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
        let Some(mut stop) = self.0.clone() else {
            return Some(future.await);
        };
        let stopped = async {
            if stop.wait_for(|stopped| *stopped).await.is_err() {
                // The source was dropped, so nothing can cancel the token any more.
                std::future::pending::<()>().await;
            }
        };
        match select(pin!(stopped), pin!(future)).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
    }
}
