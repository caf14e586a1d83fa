//! `cargo xtask faults`: runs the fault matrix of `tests/faults`.

use xtask::servers;

use crate::setup;
use crate::step::{self, Step};
use crate::test::cargo;

/// How often each case is run. Each round varies the delay between the boundary's reaching its point and the fault, and
/// whether a message or its answer is held up.
const ROUNDS: &str = "--rounds=5";

/// Runs every case, or those in whose name one of `names` stands.
pub(crate) fn run(names: &[&str]) -> Result<(), String> {
    setup::run()?;
    let matrix = [
        "test",
        "--package",
        "demarcate-tests",
        "--test",
        "faults",
        "--",
        ROUNDS,
    ];
    let result = step::run_all([Step::new("faults", cargo(&[&matrix, names].concat()))]);
    if let Err(message) = servers::stop_all() {
        eprintln!("xtask: {message}");
    }
    result
}
