//! Starts a server program, or joins one that another test process has started.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use xtask::servers;
use xtask::tools::{Tool, UTIL_LINUX};

use crate::account::Account;
use crate::admin;
use crate::instance::{Instance, Place};
use crate::say::say;

/// How long a running server may take to answer. It may be busy for a moment, as PostgreSQL is after a backend was
/// killed.
const ANSWERING_TAKES_AT_MOST: Duration = Duration::from_secs(5);

/// How long a server may take to start. Generous, since the machine may be compiling at the same time.
const STARTING_TAKES_AT_MOST: Duration = Duration::from_secs(60);

const BETWEEN_PROBES: Duration = Duration::from_millis(50);

/// A server program that is started on demand and shared by all test processes of this workspace.
pub(crate) trait Daemon {
    /// The name of its account and, unless overridden, of its directories.
    const NAME: &'static str;
    /// The name for people.
    const TITLE: &'static str;
    /// The signal that ends it at once. Its data is thrown away, so that it has nothing to finish.
    const STOP_SIGNAL: &'static str;
    /// The package that it comes in.
    const TOOL: Tool;

    /// The name of its directories, if it differs because several kinds of the server run side by side.
    fn label(&self) -> String {
        Self::NAME.to_owned()
    }

    /// Fills an empty `place` with the files that the server starts from.
    fn prepare(&self, place: &Place, account: &Account) -> Result<(), String>;

    /// The server's command line; it must stay in the foreground.
    fn command(&self, place: &Place) -> Result<Vec<String>, String>;

    /// Connects, and returns the server's version.
    fn probe(
        &self,
        port: u16,
        password: &str,
    ) -> impl Future<Output = Result<String, sqlx::Error>> + Send;
}

/// Joins a server that another test process has started, or starts one. Blocks the thread.
pub(crate) fn acquire<D: Daemon>(daemon: &D) -> Result<Instance, String> {
    let directory = servers::directory();
    // One process starts a server, and the others wait and join it.
    let _lock = lock(D::NAME)?;

    let (instance, version) = match join(daemon, &directory) {
        Some(joined) => joined,
        None => {
            D::TOOL.require()?;
            UTIL_LINUX.require()?;
            // Try once more, since another process may have taken the free port in the meantime.
            start(daemon, &directory).or_else(|_| start(daemon, &directory))?
        }
    };
    say(&format!(
        "tests run on {} {version}, port {}",
        D::TITLE,
        instance.port()
    ));
    Ok(instance)
}

fn join<D: Daemon>(daemon: &D, directory: &Path) -> Option<(Instance, String)> {
    let label = daemon.label();
    remove_unkept(&label);
    for path in instances(directory, &label) {
        if let Some(instance) = Instance::join(&path)
            && let Ok(version) = probe(daemon, &instance, ANSWERING_TAKES_AT_MOST, || Ok(()))
        {
            return Some((instance, version));
        }
    }
    None
}

fn start<D: Daemon>(daemon: &D, directory: &Path) -> Result<(Instance, String), String> {
    let account = Account::of(D::NAME)?;
    let port = free_port()?;
    let path = directory.join(format!("{}-{port}", daemon.label()));
    let result = Place::create(path.clone(), port, &account)
        .and_then(|place| launch(daemon, &place, &account));
    if result.is_err() && !servers::is_kept(&path) {
        Place::of(&path).remove();
    }
    result
}

fn launch<D: Daemon>(
    daemon: &D,
    place: &Place,
    account: &Account,
) -> Result<(Instance, String), String> {
    daemon.prepare(place, account)?;
    let command = [
        account.prefix(Some(D::STOP_SIGNAL))?,
        daemon.command(place)?,
    ]
    .concat();
    let (instance, mut keeper) = Instance::start(place, D::STOP_SIGNAL, &command)?;
    let version = probe(daemon, &instance, STARTING_TAKES_AT_MOST, || {
        match keeper.try_wait() {
            Ok(None) => Ok(()),
            _ => Err(format!(
                "{} did not start; its log ends with:\n{}",
                D::TITLE,
                place.end_of_log()
            )),
        }
    })?;
    instance.publish()?;
    Ok((instance, version))
}

/// Asks the server for its version until it answers, the time is over, or `go_on` fails.
fn probe<D: Daemon>(
    daemon: &D,
    instance: &Instance,
    at_most: Duration,
    mut go_on: impl FnMut() -> Result<(), String>,
) -> Result<String, String> {
    let deadline = Instant::now() + at_most;
    loop {
        // Another program that got the port of a server that is gone may listen and never answer.
        let answer = admin::runtime().block_on(async {
            let question = daemon.probe(instance.port(), instance.password());
            tokio::time::timeout(ANSWERING_TAKES_AT_MOST, question).await
        });
        let error = match answer {
            Ok(Ok(version)) => return Ok(version),
            Ok(Err(error)) => error.to_string(),
            Err(elapsed) => elapsed.to_string(),
        };
        go_on()?;
        if Instant::now() > deadline {
            return Err(format!(
                "{} does not answer on port {}: {error}",
                D::TITLE,
                instance.port()
            ));
        }
        thread::sleep(BETWEEN_PROBES);
    }
}

/// Locks out other processes that look for servers of that name or start them. The kernel releases the lock if this
/// process dies.
pub(crate) fn lock(name: &str) -> Result<File, String> {
    let directory = servers::directory();
    fs::create_dir_all(&directory)
        .map_err(|error| format!("cannot create {}: {error}", directory.display()))?;
    let path = directory.join(format!("{name}.lock"));
    let lock = File::create(&path)
        .map_err(|error| format!("cannot create {}: {error}", path.display()))?;
    lock.lock()
        .map_err(|error| format!("cannot lock {}: {error}", path.display()))?;
    Ok(lock)
}

/// Removes the directories of killed keepers. No server runs there: the kernel has ended it with its keeper.
pub(crate) fn remove_unkept(name: &str) {
    for path in instances(&servers::directory(), name) {
        if !servers::is_kept(&path) {
            Place::of(&path).remove();
        }
    }
}

fn instances(directory: &Path, name: &str) -> Vec<PathBuf> {
    let prefix = format!("{name}-");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
        .collect()
}

pub(crate) fn free_port() -> Result<u16, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    address
        .map(|address| address.port())
        .map_err(|error| format!("no free port on 127.0.0.1: {error}"))
}
