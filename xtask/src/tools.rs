//! The programs that the tests start, and the packages that contain them.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

/// Programs that come in one package.
#[derive(Debug)]
pub struct Tool {
    /// The name of the package on Debian and its relatives.
    pub package: &'static str,
    /// The programs in it that are used here.
    pub binaries: &'static [&'static str],
    /// Their purpose, as the rest of a sentence that begins with the package.
    pub why: &'static str,
}

/// The database that most suites are about.
pub const POSTGRESQL: Tool = Tool {
    package: "postgresql",
    binaries: &["initdb", "postgres"],
    why: "is the server for every suite on PostgreSQL",
};

/// The MySQL of this repository: Debian ships no other.
pub const MARIADB: Tool = Tool {
    package: "mariadb-server",
    binaries: &["mariadb-install-db", "mariadbd"],
    why: "is the server for every suite on MySQL",
};

/// The pooler in front of PostgreSQL.
pub const PGBOUNCER: Tool = Tool {
    package: "pgbouncer",
    binaries: &["pgbouncer"],
    why: "is the pooler that the suites on PostgreSQL are run through",
};

/// The programs of a keeper, which ties a server to the tests that use it.
pub const UTIL_LINUX: Tool = Tool {
    package: "util-linux",
    binaries: &["flock", "setpriv"],
    why: "stops servers that no test uses any more, and runs them as another user than root",
};

/// Everything that the tests need beside a Rust toolchain.
pub const ALL: &[Tool] = &[POSTGRESQL, MARIADB, PGBOUNCER, UTIL_LINUX];

impl Tool {
    /// The first of the binaries that is not on this machine.
    pub fn missing(&self) -> Option<&'static str> {
        self.binaries
            .iter()
            .copied()
            .find(|name| find(name).is_none())
    }

    /// Makes sure that all binaries are on this machine.
    ///
    /// # Errors
    ///
    /// As [`path`](Tool::path).
    pub fn require(&self) -> Result<(), String> {
        self.binaries
            .iter()
            .try_for_each(|binary| self.path(binary).map(drop))
    }

    /// Where a binary of this tool is.
    ///
    /// # Errors
    ///
    /// A sentence that names the package to install, where the binary is not on this machine.
    pub fn path(&self, binary: &str) -> Result<PathBuf, String> {
        find(binary).ok_or_else(|| {
            format!(
                "`{binary}` is not on this machine; install the package `{}` (it {}), or run `cargo xtask setup`",
                self.package, self.why
            )
        })
    }
}

/// Looks for a program: in `PATH`, then where Debian keeps programs that are in nobody's `PATH`.
pub fn find(binary: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(postgresql_versions())
        .chain(["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(binary))
        .find(|file| file.is_file())
}

/// Debian keeps the server programs of each PostgreSQL in a directory of its own; the newest comes first.
fn postgresql_versions() -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(Path::new("/usr/lib/postgresql"))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, bin)| bin).collect()
}
