//! A signal that ends a body from outside.

use std::pin::pin;

use futures_util::future::{Either, select};
use tokio::sync::watch;

/// Ends the bodies that listen to it.
#[derive(Clone, Debug)]
pub(crate) struct CancelSource(watch::Sender<bool>);

/// What a body listens to.
#[derive(Clone, Debug)]
pub(crate) struct CancelToken(Option<watch::Receiver<bool>>);

impl CancelSource {
    pub(crate) fn new() -> (Self, CancelToken) {
        let (stopper, stop) = watch::channel(false);
        (Self(stopper), CancelToken(Some(stop)))
    }

    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl CancelToken {
    /// Nobody ends it.
    pub(crate) fn never() -> Self {
        Self(None)
    }

    /// What the future gives, or nothing if it is stopped before: at its next await.
    pub(crate) async fn or<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let Some(mut stop) = self.0.clone() else {
            return Some(future.await);
        };
        let stopped = async {
            if stop.wait_for(|stopped| *stopped).await.is_err() {
                // Whoever could have stopped it has gone.
                std::future::pending::<()>().await;
            }
        };
        match select(pin!(stopped), pin!(future)).await {
            Either::Left(_) => None,
            Either::Right((output, _)) => Some(output),
        }
    }
}
