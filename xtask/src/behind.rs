//! `cargo xtask poolers`: runs the PostgreSQL suites through PgBouncer in each of its modes.

use xtask::poolers::{RUNS, Run, VARIABLE};
use xtask::servers;

use crate::setup;
use crate::step::{self, Step};
use crate::test::{cargo, members};

/// Runs the suites, and prints the tests that are left out.
pub(crate) fn run() -> Result<(), String> {
    setup::run()?;
    for run in &RUNS {
        for (name, reason) in run.excepted() {
            eprintln!("{}: not {name}: {reason}", run.value);
        }
    }
    let result = step::run_all(steps()?);
    if let Err(message) = servers::stop_all() {
        eprintln!("xtask: {message}");
    }
    result
}

/// Returns a step for each mode. They build nothing that the step of the tests has not built: another choice of
/// packages would be another choice of features.
pub(crate) fn steps() -> Result<Vec<Step>, String> {
    let members = members()?;
    Ok(RUNS.iter().map(|run| step(run, &members)).collect())
}

fn step(run: &Run, members: &[&str]) -> Step {
    let suites = [&["test"], members, &["--test", "suite", "--"]].concat();
    let mut command = cargo(&[&suites[..], &run.arguments()].concat());
    command.env(VARIABLE, run.value);
    Step::new(run.value, command)
}
