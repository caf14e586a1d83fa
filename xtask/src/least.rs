//! `cargo xtask least`: builds `demarcate` with the least versions that Cargo.toml admits.
//!
//! A bound that is too low is met by whoever has an older lock file: the errors are then inside `demarcate`. Cargo can
//! choose the least versions on a nightly toolchain alone.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use xtask::servers;

use crate::step::{self, Step};

/// The crates that a user builds.
const CRATES: &[&str] = &["sql", "rules", "macros", "runtime"];

/// What is built: each framework with a database, since together they would hold up each other's versions.
const FEATURES: &[&str] = &["postgres,axum,migrate", "sqlite,mysql,actix", "metrics"];

/// Builds, in a copy of the crates that has a lock file of its own.
pub(crate) fn run() -> Result<(), String> {
    if !has_nightly() {
        eprintln!(
            "=== least versions: left out, since `rustup` has no nightly toolchain, and only nightly has `-Z direct-minimal-versions`"
        );
        return Ok(());
    }
    let copy = servers::workspace().join("target/least");
    copy_crates(&copy)
        .map_err(|error| format!("cannot copy the crates to {}: {error}", copy.display()))?;
    step::run_all(FEATURES.iter().map(|features| {
        let mut command = Command::new("rustup");
        command
            .args(["run", "nightly", "cargo", "check"])
            .args(["-Z", "direct-minimal-versions"])
            .args(["--package", "demarcate", "--features", features])
            .current_dir(&copy)
            .env_remove("CARGO")
            .env_remove("RUSTUP_TOOLCHAIN");
        Step::new(format!("least versions: {features}"), command)
    }))
}

fn has_nightly() -> bool {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo", "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Copies the crates, each without what only its tests depend on.
fn copy_crates(to: &Path) -> std::io::Result<()> {
    let from = servers::workspace();
    fs::create_dir_all(to)?;
    let manifest = fs::read_to_string(from.join("Cargo.toml"))?;
    let members = format!("members = {CRATES:?}");
    let lines = manifest.lines().map(|line| match line {
        line if line.starts_with("members = ") => &members,
        line => line,
    });
    let manifest: String = lines.flat_map(|line| [line, "\n"]).collect();
    fs::write(to.join("Cargo.toml"), manifest)?;
    // Chosen anew, so that a bound that was raised or lowered is met.
    let lock = to.join("Cargo.lock");
    if lock.exists() {
        fs::remove_file(lock)?;
    }
    for name in CRATES {
        let (from, to) = (from.join(name), to.join(name));
        if to.join("src").exists() {
            fs::remove_dir_all(to.join("src"))?;
        }
        copy(&from.join("src"), &to.join("src"))?;
        let manifest = fs::read_to_string(from.join("Cargo.toml"))?;
        fs::write(to.join("Cargo.toml"), without_tests(&manifest))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

/// The manifest without what only tests and benchmarks need.
fn without_tests(manifest: &str) -> String {
    let mut is_kept = true;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            is_kept = !matches!(*line, "[dev-dependencies]" | "[[bench]]");
        }
        is_kept
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the guide and Cargo.toml say the same.
    #[test]
    fn the_table_has_the_figures_of_the_manifest() {
        let root = servers::workspace();
        let page = fs::read_to_string(root.join("docs/guide/17-reference.md")).expect("a page");
        let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
        let (_, table) = page.split_once("## Least versions").expect("a table");
        let rows = table.lines().take_while(|line| !line.starts_with("## "));
        let mut rows = rows.filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
            Some((cells.next()?.trim_end_matches('`'), cells.next()?))
        });
        let mut checked = 0;
        for (name, least) in rows.by_ref() {
            let start = format!("{name} = ");
            let line = manifest.lines().find(|line| line.starts_with(&start));
            let line = line.unwrap_or_else(|| panic!("Cargo.toml does not have {name}"));
            assert_eq!(line.split('"').nth(1), Some(least), "{name}");
            checked += 1;
        }
        assert!(checked > 8, "only {checked} rows were found");
    }

    #[test]
    fn what_only_tests_depend_on_is_left_out() {
        let manifest =
            "[dependencies]\na = \"1\"\n[dev-dependencies]\nb = \"1\"\n[lints]\nworkspace = true\n";
        assert_eq!(
            without_tests(manifest),
            "[dependencies]\na = \"1\"\n[lints]\nworkspace = true\n"
        );
    }
}
