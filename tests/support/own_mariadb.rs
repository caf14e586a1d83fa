//! A MariaDB server for a single test, which can stop and restart it.

use std::fmt;

use crate::mariadb::{self, MariaDb};
use crate::own_server::OwnServer;

/// A MariaDB that one test has for itself, with an empty database: it can be stopped and started again. It is gone,
/// with all that it stored, when this is dropped; the kernel ends it with this process.
pub struct OwnMariaDb {
    server: OwnServer<MariaDb>,
    url: String,
}

impl OwnMariaDb {
    /// The name of its database.
    pub(crate) const DATABASE: &str = "shop";

    /// Makes one, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Where MariaDB is not installed or does not start.
    pub async fn start() -> Self {
        let server = OwnServer::start(MariaDb, OwnServer::empty).await;
        let (port, password) = (server.place().port(), server.password());
        let url = mariadb::make_database(port, password, Self::DATABASE).await;
        let url = url.unwrap_or_else(|error| panic!("no database for this test: {error}"));
        Self { server, url }
    }

    /// Where to connect to, as a user with every privilege.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends every session and then the server, as an upgrade does.
    ///
    /// # Panics
    ///
    /// Where it does not stop.
    pub async fn stop(&mut self) {
        self.server.stop("TERM").await;
    }

    /// Has it speak TLS, with this certificate and its key, in PEM. It holds from the next start on.
    pub fn certify(&self, certificate: &str, key: &str) {
        self.server.certify(certificate, key);
    }

    /// Starts it on the same port and with what it stored, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn start_again(&mut self) {
        self.server.start_again().await;
    }
}

impl fmt::Debug for OwnMariaDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnMariaDb")
            .field("port", &self.server.place().port())
            .field("runs", &self.server.runs())
            .finish_non_exhaustive()
    }
}
