//! Finds and stops the servers that tests have started.
//!
//! Each running server has a directory below [`directory`] and a keeper (`tests/support/keeper.sh`), a small
//! process that stops the server and removes the directory once no test uses it. The keeper holds a lock
//! on its own script for as long as it lives, so that nobody has to trust a process id.

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

/// The script of a keeper, which holds a lock on it while it runs.
pub const KEEPER: &str = "keeper";

/// The file that asks a keeper not to wait for further tests.
pub const STOP: &str = "stop";

/// How long to wait for the servers to stop. A keeper checks once a second, and stops a server in less than one.
const STOPPING_TAKES_AT_MOST: Duration = Duration::from_secs(15);

/// Where every server that the tests start has its directory: `servers` in the workspace's target directory.
pub fn directory() -> PathBuf {
    // A relative CARGO_TARGET_DIR is relative to the directory in which cargo was started, which is unknown here.
    let target = env::var_os("CARGO_TARGET_DIR")
        .map(PathBuf::from)
        .filter(|target| target.is_absolute());
    target
        .unwrap_or_else(|| workspace().join("target"))
        .join("servers")
}

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// Whether the keeper of the server in `instance` is alive.
pub fn is_kept(instance: &Path) -> bool {
    match File::open(instance.join(KEEPER)) {
        Ok(file) => matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)),
        Err(_) => false,
    }
}

/// Stops every server that no test uses, and waits until they are gone.
///
/// # Errors
///
/// A sentence that names the servers that are still there: another test run uses them, and their keepers
/// stop them after it.
pub fn stop_all() -> Result<(), String> {
    let instances = kept();
    for instance in &instances {
        // The directory may vanish at any moment, which is what is asked for.
        let _ = fs::write(instance.join(STOP), "");
    }
    let deadline = Instant::now() + STOPPING_TAKES_AT_MOST;
    while Instant::now() < deadline {
        if !instances.iter().any(|instance| is_kept(instance)) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    let left: Vec<_> = instances
        .iter()
        .filter(|i| is_kept(i))
        .map(|instance| instance.display().to_string())
        .collect();
    match left.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "another test run still uses the servers in {}; they stop when it ends",
            left.join(", ")
        )),
    }
}

fn kept() -> Vec<PathBuf> {
    let entries = fs::read_dir(directory()).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| is_kept(path))
        .collect()
}
