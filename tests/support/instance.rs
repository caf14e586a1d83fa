//! The directory of a running server, which several test processes share.
//!
//! ```text
//! target/servers/postgres.lock            held while one process looks for a server or starts one
//! target/servers/postgres-40123/          one running server; the number is its port
//!     keeper                              the script `keeper.sh`, locked by itself while it runs
//!     lease                               locked (shared) by every test process that uses the server
//!     state                               its password; there once it answers, gone before it stops
//!     stop                                made by `cargo xtask test`: end as soon as nobody holds the lease
//!     log                                 what the server said
//!     home/                               what belongs to the server's own account
//! ```

use std::collections::hash_map::RandomState;
use std::env;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use xtask::servers;

use crate::account::Account;
use crate::say::say;

/// The number of seconds for which an unused server waits for the next test process, such as the next run after an
/// edit.
const GRACE_SECONDS: u32 = 120;

const KEEPER: &str = include_str!("keeper.sh");

/// The directory of a server's files.
pub(crate) struct Place {
    directory: PathBuf,
    home: PathBuf,
    port: u16,
    password: String,
}

impl Place {
    /// Creates the directories of a new server.
    pub(crate) fn create(directory: PathBuf, port: u16, account: &Account) -> Result<Self, String> {
        // A password that differs each time tells our server from a stranger that has come by its port.
        let password = format!("{:016x}", RandomState::new().build_hasher().finish());
        let home = directory.join("home");
        let mut place = Self {
            directory,
            home,
            port,
            password,
        };
        make(&place.directory)?;
        make(&place.home)?;
        account.own(&place.home)?;
        if !account.can_write(&place.home)? {
            let home = home_elsewhere(&place.directory);
            say(&format!(
                "{} is out of the server's reach; its data goes to {}",
                place.home.display(),
                home.display()
            ));
            make(&home)?;
            account.own(&home)?;
            place.home = home;
        }
        Ok(place)
    }

    /// Returns the directory of a server that no longer runs, only to remove it.
    pub(crate) fn of(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            home: home_elsewhere(directory),
            port: 0,
            password: String::new(),
        }
    }

    /// Removes the directory. Files that cannot be removed do no harm, and are left to `cargo clean`.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.home);
        let _ = fs::remove_dir_all(&self.directory);
    }

    /// The directory that the server's own account may write to.
    pub(crate) fn home(&self) -> &Path {
        &self.home
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Writes a file that the server's own account can read.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, String> {
        let path = self.home.join(name);
        fs::write(&path, text)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        Ok(path)
    }

    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// A server that this process uses, until it ends.
pub(crate) struct Instance {
    directory: PathBuf,
    port: u16,
    password: String,
    _lease: File,
}

impl Instance {
    /// Starts the keeper of a server, and with it the server.
    pub(crate) fn start(
        place: &Place,
        signal: &str,
        command: &[String],
    ) -> Result<(Self, Child), String> {
        let cannot =
            |what: &str, error| format!("cannot {what} in {}: {error}", place.directory.display());
        // The lease comes before the keeper, so that no keeper finds its server unused.
        let lease = File::create(place.directory.join("lease"))
            .map_err(|error| cannot("create a lease", error))?;
        lease
            .lock_shared()
            .map_err(|error| cannot("take a lease", error))?;
        let log = File::create(place.directory.join("log"))
            .map_err(|error| cannot("create a log", error))?;
        let errors = log
            .try_clone()
            .map_err(|error| cannot("create a log", error))?;
        let script = place.directory.join(servers::KEEPER);
        fs::write(&script, KEEPER).map_err(|error| cannot("write a keeper", error))?;
        let keeper = Command::new("sh")
            .args([&script, &place.directory, &place.home])
            .args([&GRACE_SECONDS.to_string(), signal])
            .args(command)
            // Not ours: `cargo test | tail` would wait for the server to close the pipe.
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .current_dir("/")
            // A group of its own, which Ctrl-C in a terminal does not reach.
            .process_group(0)
            .spawn()
            .map_err(|error| cannot("start a keeper", error))?;
        let instance = Self {
            directory: place.directory.clone(),
            port: place.port,
            password: place.password.clone(),
            _lease: lease,
        };
        Ok((instance, keeper))
    }

    /// Tells other test processes that the server answers.
    pub(crate) fn publish(&self) -> Result<(), String> {
        let path = self.directory.join("state");
        fs::write(&path, &self.password)
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// Takes a lease on a server that is there already, unless it is about to stop.
    pub(crate) fn join(directory: &Path) -> Option<Self> {
        let (_, port) = directory.to_str()?.rsplit_once('-')?;
        let port = port.parse().ok()?;
        let lease = File::open(directory.join("lease")).ok()?;
        // It waits for a keeper that is stopping its server. The state is gone then.
        lease.lock_shared().ok()?;
        let password = fs::read_to_string(directory.join("state")).ok()?;
        // An earlier run wanted it stopped at its end; this one still needs it.
        let _ = fs::remove_file(directory.join(servers::STOP));
        Some(Self {
            directory: directory.to_owned(),
            port,
            password,
            _lease: lease,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

/// Where a server's data goes if its account cannot reach the target directory, as below root's home.
fn home_elsewhere(directory: &Path) -> PathBuf {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    env::temp_dir().join(format!("demarcate-{name}"))
}

fn make(directory: &Path) -> Result<(), String> {
    fs::create_dir(directory)
        .map_err(|error| format!("cannot create {}: {error}", directory.display()))
}
