//! A PostgreSQL server for a single test, which can stop and restart it.

use std::fmt;
use std::fs;

use xtask::tools::POSTGRESQL;

use crate::account;
use crate::own_server::OwnServer;
use crate::postgres::{self, PostgreSql};

/// A PostgreSQL that one test has for itself: it can be stopped, started again, followed, and told whom to let in.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use demarcate_tests::OwnPostgres;
/// use sqlx::{Connection, PgConnection};
///
/// let mut server = OwnPostgres::start().await;
/// server.stop().await;
/// assert!(PgConnection::connect(server.url()).await.is_err());
/// server.start_again().await;
/// PgConnection::connect(server.url()).await.unwrap();
/// # }
/// ```
///
/// The server is gone, with all that it stored, when this is dropped; the kernel ends it with this process.
pub struct OwnPostgres {
    server: OwnServer<PostgreSql>,
    url: String,
}

impl OwnPostgres {
    /// Makes one, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Where PostgreSQL is not installed or does not start.
    pub async fn start() -> Self {
        Self::of(OwnServer::start(PostgreSql, OwnServer::empty).await)
    }

    /// Makes a standby that follows this one, and waits until it answers. Its superuser is this one's.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # use demarcate_tests::OwnPostgres;
    /// # use sqlx::{Connection, PgConnection};
    /// let primary = OwnPostgres::start().await;
    /// let standby = primary.standby().await;
    /// let mut reader = PgConnection::connect(standby.url()).await.unwrap();
    /// let asked = sqlx::query_scalar::<_, bool>("select pg_is_in_recovery()");
    /// assert!(asked.fetch_one(&mut reader).await.unwrap());
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Where this one does not run, or the standby does not start.
    pub async fn standby(&self) -> Self {
        let (url, password) = (self.url.clone(), self.server.password().to_owned());
        let server = OwnServer::start(PostgreSql, move |_, place, account| {
            let mut copy = account.command(&POSTGRESQL.path("pg_basebackup")?)?;
            copy.args(["--dbname", &url, "--write-recovery-conf", "--no-sync"])
                // At once, and not when the primary would do it anyway.
                .args(["--checkpoint", "fast", "--pgdata"])
                .arg(place.home().join("data"));
            account::run(&mut copy)?;
            Ok(password)
        });
        Self::of(server.await)
    }

    fn of(server: OwnServer<PostgreSql>) -> Self {
        let port = server.place().port();
        let url = postgres::url(port, server.password(), postgres::MAINTENANCE);
        Self { server, url }
    }

    /// Where to connect to, as its superuser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends every session and then the server, as an upgrade does ("fast shutdown").
    ///
    /// # Panics
    ///
    /// Where it does not stop.
    pub async fn stop(&mut self) {
        self.server.stop("INT").await;
    }

    /// Starts it on the same port and with what it stored, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn start_again(&mut self) {
        self.server.start_again().await;
    }

    /// Starts it, and does not wait.
    ///
    /// # Panics
    ///
    /// Where there is no such program.
    pub async fn launch(&mut self) {
        self.server.launch().await;
    }

    /// Has it speak another language, such as `de`, from the next start on; to whoever sets `lc_messages` to `C.UTF-8`.
    /// Where `lc_messages` is a locale of that language, this is what is in effect.
    pub fn translate(&mut self, language: &'static str) {
        // As gettext has it, for which only `C` is beyond translation.
        self.server.set("LANGUAGE", language);
    }

    /// Has it speak TLS, with this certificate and its key, in PEM. It holds from the next start on.
    pub fn certify(&self, certificate: &str, key: &str) {
        self.server.certify(certificate, key);
    }

    /// Puts a line in front of its `pg_hba.conf`, which says who may connect and how. It holds from the next start on.
    ///
    /// # Panics
    ///
    /// Where the file cannot be written.
    pub fn admit(&self, line: &str) {
        let path = self.server.place().home().join("data/pg_hba.conf");
        let lines = fs::read_to_string(&path).expect("a server has a pg_hba.conf");
        fs::write(&path, format!("{line}\n{lines}")).expect("a pg_hba.conf can be written");
    }
}

impl fmt::Debug for OwnPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnPostgres")
            .field("port", &self.server.place().port())
            .field("runs", &self.server.runs())
            .finish_non_exhaustive()
    }
}
