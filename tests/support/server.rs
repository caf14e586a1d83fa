//! A running server's address and the pool by which this process administers it.

use sqlx::pool::PoolOptions;
use sqlx::{Database, Pool};
use tokio::sync::OnceCell;

use crate::admin;
use crate::daemon::{self, Daemon};
use crate::instance::Instance;

/// The address, and a pool for making and dropping databases.
pub(crate) struct Server<DB: Database> {
    instance: Instance,
    pub(crate) pool: Pool<DB>,
}

impl<DB: Database> Server<DB> {
    /// The server of this process: found or started when it is first asked for, and never given back. The
    /// kernel does that when the process ends.
    pub(crate) async fn get<D: Daemon + Send + 'static>(
        cell: &'static OnceCell<Result<Self, String>>,
        daemon: D,
        url: fn(u16, &str, &str) -> String,
        database: &'static str,
    ) -> Result<&'static Self, String> {
        let server = cell.get_or_init(|| async move {
            let instance = admin::runtime()
                .spawn_blocking(move || daemon::acquire(&daemon))
                .await;
            let instance = instance.map_err(|error| error.to_string())??;
            let pool = PoolOptions::new()
                .max_connections(4)
                .connect_lazy(&url(instance.port(), instance.password(), database))
                .map_err(|error| error.to_string())?;
            Ok(Self { instance, pool })
        });
        server.await.as_ref().map_err(Clone::clone)
    }

    pub(crate) fn port(&self) -> u16 {
        self.instance.port()
    }

    pub(crate) fn password(&self) -> &str {
        self.instance.password()
    }
}
