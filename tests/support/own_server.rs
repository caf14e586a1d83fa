//! The parts common to servers for a single test: directory, start, stop and restart.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use xtask::servers;

use crate::account::{self, Account};
use crate::admin;
use crate::daemon::{self, Daemon};
use crate::instance::Place;

/// A server that one test has for itself. It is gone, with all that it stored, when this is dropped; the kernel ends it
/// with this process.
pub(crate) struct OwnServer<D: Daemon> {
    daemon: D,
    account: Account,
    directory: PathBuf,
    place: Place,
    /// Of the user that the tests are.
    password: String,
    process: Option<Child>,
    /// The environment variables of its process.
    environment: Vec<(&'static str, &'static str)>,
    /// Locked for as long as somebody looks after the place, as a keeper's script is.
    _kept: File,
}

/// The file in its home with the certificate that it shows, where it has one.
pub(crate) const CERTIFICATE: &str = "server.crt";

/// The file with the key of the certificate.
pub(crate) const KEY: &str = "server.key";

/// How long the server may take to start. Generous, since the machine may be compiling at the same time.
const STARTING_TAKES_AT_MOST: Duration = Duration::from_secs(60);

impl<D: Daemon + Send + 'static> OwnServer<D> {
    /// Creates a directory, fills it, starts the server, and waits until it answers. `fill` returns the password.
    pub(crate) async fn start(
        daemon: D,
        fill: impl FnOnce(&D, &Place, &Account) -> Result<String, String> + Send + 'static,
    ) -> Self {
        let created = tokio::task::spawn_blocking(|| Self::create(daemon, fill)).await;
        let mut server = created
            .expect("what makes a server does not panic")
            .unwrap_or_else(|error| panic!("no {} of its own for this test: {error}", D::TITLE));
        server.start_again().await;
        server
    }

    /// Fills the directory of a new, empty server, and returns its password.
    pub(crate) fn empty(daemon: &D, place: &Place, account: &Account) -> Result<String, String> {
        daemon.prepare(place, account)?;
        Ok(place.password().to_owned())
    }

    fn create(
        daemon: D,
        fill: impl FnOnce(&D, &Place, &Account) -> Result<String, String>,
    ) -> Result<Self, String> {
        D::TOOL.require()?;
        let name = format!("own-{}", D::NAME);
        // Until the directory is locked, another process would take it for the directory of a killed keeper.
        let lock = daemon::lock(&name)?;
        daemon::remove_unkept(&name);
        let account = Account::of(D::NAME)?;
        let port = daemon::free_port()?;
        let directory = servers::directory().join(format!("{name}-{port}"));
        let cannot =
            |what: &str, error| format!("cannot {what} in {}: {error}", directory.display());
        let place = Place::create(directory.clone(), port, &account)?;
        let kept = File::create(directory.join(servers::KEEPER))
            .map_err(|error| cannot("create a lock", error))?;
        kept.lock().map_err(|error| cannot("take a lock", error))?;
        drop(lock);
        let password = fill(&daemon, &place, &account)?;
        Ok(Self {
            daemon,
            password,
            account,
            directory,
            place,
            process: None,
            environment: Vec::new(),
            _kept: kept,
        })
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    pub(crate) fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Sets a variable of its environment, from the next start on.
    pub(crate) fn set(&mut self, variable: &'static str, value: &'static str) {
        self.environment.push((variable, value));
    }

    /// Writes its certificate and its key, which only it may read. They hold from the next start on.
    pub(crate) fn certify(&self, certificate: &str, key: &str) {
        for (name, text) in [(CERTIFICATE, certificate), (KEY, key)] {
            let path = self
                .place
                .write(name, text)
                .expect("its home can be written to");
            self.account
                .own(&path)
                .expect("a file of one's own can be given away");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
                .expect("and be hidden from others");
        }
    }

    /// Sends it a signal, and waits until it has ended.
    pub(crate) async fn stop(&mut self, signal: &str) {
        let Some(mut process) = self.process.take() else {
            return;
        };
        send(signal, &process)
            .unwrap_or_else(|error| panic!("{} does not stop: {error}", D::TITLE));
        let ended = tokio::task::spawn_blocking(move || process.wait()).await;
        assert!(ended.is_ok_and(|ended| ended.is_ok()), "it does not stop");
    }

    /// Starts it on the same port and with what it stored, and waits until it answers.
    pub(crate) async fn start_again(&mut self) {
        self.launch().await;
        let deadline = Instant::now() + STARTING_TAKES_AT_MOST;
        while let Err(error) = self.daemon.probe(self.place.port(), &self.password).await {
            assert!(
                Instant::now() < deadline,
                "it does not start: {error}; its log ends with:\n{}",
                self.place.end_of_log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts it, and does not wait.
    pub(crate) async fn launch(&mut self) {
        let words = self.account.prefix(Some(D::STOP_SIGNAL));
        let words = [words.unwrap(), self.daemon.command(&self.place).unwrap()].concat();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.directory.join("log"))
            .expect("a log can be written");
        let mut command = Command::new(&words[0]);
        command
            .args(&words[1..])
            .envs(self.environment.iter().copied())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log has two ends"))
            .stderr(log);
        // The kernel ends it with the thread that starts it: the support's lives as long as the process.
        let started = admin::run(async move { command.spawn() }).await;
        self.process = Some(started.expect("a server that is installed can be started"));
    }
}

/// The process is the server's own: what stands before it has become it.
fn send(signal: &str, process: &Child) -> Result<(), String> {
    let pid = process.id().to_string();
    account::run(Command::new("kill").args(["-s", signal, &pid])).map(drop)
}

impl<D: Daemon> Drop for OwnServer<D> {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take()
            && send(D::STOP_SIGNAL, &process).is_ok()
        {
            let _ = process.wait();
        }
        self.place.remove();
    }
}
