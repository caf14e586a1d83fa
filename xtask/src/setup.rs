//! `cargo xtask setup`: installs what the tests need and this machine lacks.

use std::env;
use std::process::{Command, Stdio};

use xtask::tools::{self, Tool};

/// Installs the missing packages, where that is possible without asking anybody.
pub(crate) fn run() -> Result<(), String> {
    let missing: Vec<&Tool> = tools::ALL
        .iter()
        .filter(|tool| tool.missing().is_some())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    for tool in &missing {
        let binary = tool.missing().unwrap_or_default();
        eprintln!(
            "setup: `{binary}` is missing; the package `{}` has it and {}",
            tool.package, tool.why
        );
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    let Some(privileges) = privileges() else {
        return Err(refusal(&packages));
    };

    // The lists of a fresh container are empty, and those of an old machine name versions that are gone.
    // Without a network this fails, and the package may still be in apt's cache.
    if let Err(error) = apt_get(privileges, &["update", "--quiet"]) {
        eprintln!("setup: {error}; trying with the lists that are here");
    }
    // Installing starts system services where there is an init system. They do no harm: ours listen on
    // ports of their own and keep their data in the target directory.
    let mut install = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    install.extend(&packages);
    apt_get(privileges, &install)?;

    match missing
        .iter()
        .find_map(|tool| Some((tool.package, tool.missing()?)))
    {
        None => Ok(()),
        Some((package, binary)) => Err(format!(
            "`{package}` is installed and `{binary}` is still missing"
        )),
    }
}

/// Returns the command that precedes `apt-get`, or `None` if this user cannot run it on this machine.
fn privileges() -> Option<&'static [&'static str]> {
    tools::find("apt-get")?;
    if succeeds(Command::new("sh").args(["-c", r#"test "$(id -u)" = 0"#])) {
        return Some(&[]);
    }
    // `-n` makes sudo fail where it would ask for a password.
    succeeds(Command::new("sudo").args(["-n", "true"])).then_some(&["sudo", "-n"])
}

fn apt_get(privileges: &[&str], arguments: &[&str]) -> Result<(), String> {
    // `env` sets the variable behind sudo, which clears it.
    let words: Vec<&str> = [
        privileges,
        &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"],
        arguments,
    ]
    .concat();
    let line = words.join(" ");
    eprintln!("setup: {line}");
    // The output of apt-get is progress: standard output belongs to the results of `cargo xtask`.
    let status = Command::new(words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` ended with {status}")),
        Err(error) => Err(format!("`{line}` could not be started: {error}")),
    }
}

fn refusal(packages: &[&str]) -> String {
    let names = packages.join(" ");
    if tools::find("apt-get").is_some() {
        let user = env::var("USER").unwrap_or_else(|_| "this user".to_owned());
        return format!("{user} may not install packages; as root, run `apt-get install {names}`");
    }
    format!(
        "there is no apt-get here; install what this system calls {names}, with the programs above in `PATH`"
    )
}

fn succeeds(command: &mut Command) -> bool {
    let quiet = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
