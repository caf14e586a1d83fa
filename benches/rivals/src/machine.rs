//! The machine, the day and the crates of a run, for the head of the page.

use std::process::Command;
use std::{fs, thread};

/// The number of cores and their kind.
pub(crate) fn processor() -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let file = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = file
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("an unknown processor", |rest| {
            rest.trim_start_matches([' ', '\t', ':'])
        });
    format!("{cores} cores of {model}")
}

/// How many processes wanted a core in the last minute, where the system tells.
pub(crate) fn load() -> Option<String> {
    let file = fs::read_to_string("/proc/loadavg").ok()?;
    file.split_whitespace().next().map(str::to_owned)
}

/// The day, in UTC.
pub(crate) fn date() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%d"]).output();
    let date = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    date.unwrap_or_else(|_| "an unknown day".to_owned())
}

/// The versions of crates, as this workspace's lock has them.
pub(crate) fn crates(names: &[&str]) -> String {
    const LOCK: &str = include_str!("../Cargo.lock");
    let version = |name: &str| {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let (_, rest) = LOCK.split_once(&entry)?;
        Some(format!("{name} {}", rest.split('"').next()?))
    };
    let versions: Vec<String> = names.iter().filter_map(|name| version(name)).collect();
    versions.join(", ")
}
