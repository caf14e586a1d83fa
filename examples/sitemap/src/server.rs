//! Serving over HTTP, until somebody says stop.

use std::{io, net::SocketAddr, time::Duration};

use anyhow::anyhow;
use axum::Router;
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle, time::timeout};
use url::Url;

/// A client that never ends its request is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A router that is being served.
#[derive(Debug)]
pub struct Server {
    url: Url,
    stop: oneshot::Sender<()>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Serves on a task of its own. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Where the address is taken, or not one of this machine.
    pub async fn start(listen: SocketAddr, router: Router) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            anyhow!("cannot listen on {listen} ({error}); choose another address with `--listen`")
        })?;
        let url = Url::parse(&format!("http://{}", listener.local_addr()?))?;
        let (stop, stopped) = oneshot::channel();
        let serving = axum::serve(listener, router).with_graceful_shutdown(async {
            // An error says that the server was dropped, which stops it as well.
            stopped.await.ok();
        });
        let task = tokio::spawn(async move { serving.await });
        Ok(Self { url, stop, task })
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Takes no more requests, and waits for the answers that are still being made.
    pub async fn stop(self) {
        self.stop.send(()).ok();
        timeout(PATIENCE, self.task).await.ok();
    }
}
