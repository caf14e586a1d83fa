//! `cargo xtask test`: runs every check of the CI.
//!
//! All steps share one target directory, and none sets RUSTFLAGS: that would be another build of every
//! dependency. What each of them costs on top of the one before is said beside it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use xtask::servers;

use crate::behind;
use crate::setup;
use crate::step::{self, Step};

/// Runs every check, the fast ones first, and stops at the first that fails.
pub(crate) fn run() -> Result<(), String> {
    setup::run()?;
    let steps = steps()?;
    let result = step::run_all(steps);
    // After a failure as well. Where xtask itself is killed, the keepers stop the servers later.
    if let Err(message) = servers::stop_all() {
        eprintln!("xtask: {message}");
    }
    result
}

fn steps() -> Result<Vec<Step>, String> {
    let features = features()?;
    // Looked for before anything runs, since it takes minutes to get to the step that needs it.
    let messages = messages()?;

    let mut steps = Vec::new();
    // Compiles nothing.
    steps.push(Step::new("format", cargo(&["fmt", "--all", "--check"])));
    // A workspace of its own, which is not built here.
    let rivals = [
        "fmt",
        "--manifest-path",
        "benches/rivals/Cargo.toml",
        "--check",
    ];
    steps.push(Step::new("format of the rivals", cargo(&rivals)));
    // Compiles nothing: this very program.
    let this = env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let mut layers = Command::new(this);
    layers.arg("layers").current_dir(servers::workspace());
    steps.push(Step::new("layers", layers));
    // Checks every dependency, without generating code; the flag after `--` reaches our own crates only.
    steps.push(Step::new(
        "lints",
        cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ]),
    ));
    // Uses the dependencies as checked by the step before; RUSTDOCFLAGS is not part of their fingerprint.
    let mut docs = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
    docs.env("RUSTDOCFLAGS", "-D warnings");
    steps.push(Step::new("docs", docs));
    // Each set of features is another sqlx, checked without generating code. Clippy and not check: it costs
    // the same, and a warning that only one feature shows is a mistake too.
    for feature in &features {
        let arguments = [
            "clippy",
            "--package",
            "demarcate",
            "--no-default-features",
            "--features",
            feature,
        ];
        steps.push(Step::new(
            format!(
                "feature {}",
                if feature.is_empty() { "none" } else { feature }
            ),
            cargo(&[&arguments[..], &["--", "-D", "warnings"]].concat()),
        ));
    }
    // Generates code for the first time. trybuild checks the dependencies once more, in a project of its own.
    if let Some(messages) = messages {
        steps.push(Step::new("messages", messages));
    }
    // With the doctests and one round of the fault matrix; the examples are members, so that they are built and tested
    // here too. What runs while compiling has been built for the lints, as long as the members are the same.
    steps.push(Step::new(
        "tests",
        cargo(&[&["test"], &members()?[..]].concat()),
    ));
    // Compiles nothing more.
    steps.extend(behind::steps()?);
    Ok(steps)
}

/// The features of `demarcate`, one by one, then none, then all, in the form that `--features` takes.
fn features() -> Result<Vec<String>, String> {
    let path = servers::workspace().join("runtime/Cargo.toml");
    let manifest = fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let names: Vec<String> = manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split_once('=')?.0.trim()))
        .filter(|name| *name != "default" && !name.is_empty())
        .filter(|name| {
            name.chars()
                .all(|c| c.is_alphanumeric() || c == '-' || c == '_')
        })
        .map(str::to_owned)
        .collect();
    if names.is_empty() {
        return Err(format!(
            "{} has no section `[features]` that this can read",
            path.display()
        ));
    }
    let all = names.join(",");
    Ok([names, vec![String::new(), all]].concat())
}

/// The members that are tested with the compiler that runs: all, but for the UI tests where those need another compiler.
///
/// Another choice of members is another choice of features, with which sqlx and all that it stands on is built again.
pub(crate) fn members() -> Result<Vec<&'static str>, String> {
    let mut members = vec!["--workspace"];
    if messages()?.is_some() {
        members.extend(["--exclude", "demarcate-ui-tests"]);
        members.extend(["--exclude", "demarcate-ui-pass"]);
    }
    Ok(members)
}

/// The UI tests, whose messages are those of one compiler: the one that ui-tests/rust-toolchain.toml names. Nothing if
/// that is the compiler that runs: then they are tests like all others.
fn messages() -> Result<Option<Command>, String> {
    let directory = servers::workspace().join("ui-tests");
    let path = directory.join("rust-toolchain.toml");
    let file = fs::read_to_string(&path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let wanted = file
        .lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == "channel")
        .map(|(_, value)| value.trim().trim_matches('"').to_owned())
        .ok_or_else(|| format!("{} names no channel", path.display()))?;

    let running = version(&mut Command::new(
        env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()),
    ));
    if running.as_deref() == Some(&wanted) {
        return Ok(None);
    }
    // rustup lets RUSTUP_TOOLCHAIN, which it has set for this process, win over the file; `rustup run` wins over
    // both, and installs nothing.
    if version(Command::new("rustup").args(["run", &wanted, "rustc"])).as_deref() != Some(&wanted) {
        return Err(format!(
            "the UI tests hold the messages of rustc {wanted}, and this is rustc {}; run `rustup toolchain install {wanted}`",
            running.as_deref().unwrap_or("of an unknown version")
        ));
    }
    let mut command = Command::new("rustup");
    command
        .args(["run", &wanted, "cargo", "test"])
        .args(["--package", "demarcate-ui-tests"])
        .args(["--package", "demarcate-ui-pass"])
        .current_dir(directory);
    Ok(Some(command))
}

/// The version that a rustc gives, such as `1.95.0`.
fn version(rustc: &mut Command) -> Option<String> {
    let output = rustc.arg("--version").output().ok()?;
    let line = String::from_utf8(output.stdout).ok()?;
    Some(line.split_whitespace().nth(1)?.to_owned())
}

/// The cargo that runs this program, at the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(servers::workspace());
    command
}
