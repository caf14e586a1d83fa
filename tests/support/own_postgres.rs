//! A PostgreSQL of one test, which may stop it.

use std::fmt;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use xtask::servers;
use xtask::tools::POSTGRESQL;

use crate::account::{self, Account};
use crate::admin;
use crate::daemon::{self, Daemon};
use crate::instance::Place;
use crate::postgres::{self, PostgreSql};

/// A PostgreSQL that one test has for itself: it can be stopped, started again, and told whom to let in.
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
/// It is gone, with all that it stored, when this is dropped; the kernel ends it with this process.
pub struct OwnPostgres {
    account: Account,
    directory: PathBuf,
    place: Place,
    /// Of its superuser.
    password: String,
    url: String,
    process: Option<Child>,
    /// Locked for as long as somebody looks after the place, as a keeper's script is.
    _kept: File,
}

const NAME: &str = "own-postgres";

/// Two cores may be compiling at the same time.
const STARTING_TAKES_AT_MOST: Duration = Duration::from_secs(60);

impl OwnPostgres {
    /// Makes one, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Where PostgreSQL is not installed or does not start.
    pub async fn start() -> Self {
        let create = || {
            Self::create(|place, account| {
                PostgreSql.prepare(place, account)?;
                Ok(place.password().to_owned())
            })
        };
        Self::start_what(create).await
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
    /// let asked = sqlx::query_scalar("select pg_is_in_recovery()");
    /// assert!(asked.fetch_one(&mut reader).await.unwrap());
    /// # }
    /// ```
    ///
    /// # Panics
    ///
    /// Where this one does not run, or the standby does not start.
    pub async fn standby(&self) -> Self {
        let (url, password) = (self.url.clone(), self.password.clone());
        let create = move || {
            Self::create(|place, account| {
                let mut copy = account.command(&POSTGRESQL.path("pg_basebackup")?)?;
                copy.args(["--dbname", &url, "--write-recovery-conf", "--no-sync"])
                    // At once, and not when the primary would do it anyway.
                    .args(["--checkpoint", "fast", "--pgdata"])
                    .arg(place.home().join("data"));
                account::run(&mut copy)?;
                Ok(password)
            })
        };
        Self::start_what(create).await
    }

    async fn start_what(create: impl FnOnce() -> Result<Self, String> + Send + 'static) -> Self {
        let created = tokio::task::spawn_blocking(create).await;
        let mut server = created
            .expect("what makes a server does not panic")
            .unwrap_or_else(|error| panic!("no PostgreSQL of its own for this test: {error}"));
        server.start_again().await;
        server
    }

    /// Makes a place, and has it filled. `fill` gives the superuser's password.
    fn create(
        fill: impl FnOnce(&Place, &Account) -> Result<String, String>,
    ) -> Result<Self, String> {
        POSTGRESQL.require()?;
        // Until the place is kept, somebody else would take it for one that was left.
        let lock = daemon::lock(NAME)?;
        daemon::remove_unkept(NAME);
        let account = Account::of(PostgreSql::NAME)?;
        let port = daemon::free_port()?;
        let directory = servers::directory().join(format!("{NAME}-{port}"));
        let cannot =
            |what: &str, error| format!("cannot {what} in {}: {error}", directory.display());
        let place = Place::create(directory.clone(), port, &account)?;
        let kept = File::create(directory.join(servers::KEEPER))
            .map_err(|error| cannot("create a lock", error))?;
        kept.lock().map_err(|error| cannot("take a lock", error))?;
        drop(lock);
        let password = fill(&place, &account)?;
        Ok(Self {
            url: postgres::url(port, &password, postgres::MAINTENANCE),
            password,
            account,
            directory,
            place,
            process: None,
            _kept: kept,
        })
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
        let stopped = tokio::process::Command::from(self.stop_command("fast"))
            .status()
            .await;
        assert!(
            stopped.is_ok_and(|status| status.success()),
            "it does not stop"
        );
        self.reap();
    }

    /// Starts it on the same port and with what it stored, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub async fn start_again(&mut self) {
        self.launch().await;
        let deadline = Instant::now() + STARTING_TAKES_AT_MOST;
        while let Err(error) = PostgreSql.probe(self.place.port(), &self.password).await {
            assert!(
                Instant::now() < deadline,
                "it does not start: {error}; its log ends with:\n{}",
                self.place.end_of_log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it, and does not wait.
    ///
    /// # Panics
    ///
    /// Where there is no such program.
    pub async fn launch(&mut self) {
        let words = self.account.prefix(Some(PostgreSql::STOP_SIGNAL));
        let words = [words.unwrap(), PostgreSql.command(&self.place).unwrap()].concat();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))
            .expect("a log can be written");
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log has two ends"))
            .stderr(log);
        // The kernel ends it with the thread that starts it: the support's lives as long as the process.
        let started = admin::run(async move { command.spawn() }).await;
        self.process = Some(started.expect("PostgreSQL can be started"));
    }

    /// Puts a line in front of its `pg_hba.conf`, which says who may connect and how. It holds from the next start on.
    ///
    /// # Panics
    ///
    /// Where the file cannot be written.
    pub fn admit(&self, line: &str) {
        let path = self.place.home().join("data/pg_hba.conf");
        let lines = fs::read_to_string(&path).expect("a server has a pg_hba.conf");
        fs::write(&path, format!("{line}\n{lines}")).expect("a pg_hba.conf can be written");
    }

    fn stop_command(&self, mode: &str) -> Command {
        let program = POSTGRESQL.path("pg_ctl").expect("it comes with the server");
        let mut command = self.account.command(&program).expect("it was run before");
        command
            .args(["stop", "--silent", "--mode", mode, "--pgdata"])
            .arg(self.place.home().join("data"));
        command
    }

    fn reap(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.wait();
        }
    }
}

impl fmt::Debug for OwnPostgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnPostgres")
            .field("port", &self.place.port())
            .field("runs", &self.process.is_some())
            .finish_non_exhaustive()
    }
}

impl Drop for OwnPostgres {
    fn drop(&mut self) {
        if self.process.is_some() && account::run(&mut self.stop_command("immediate")).is_ok() {
            self.reap();
        }
        self.place.remove();
    }
}
