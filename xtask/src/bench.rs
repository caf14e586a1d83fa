//! `cargo xtask bench`: demarcate beside sqlx by hand and its peers, by `benches/rivals`.

use xtask::servers;

use crate::setup;
use crate::step::{self, Step};
use crate::test::cargo;

/// Measures all rows and writes `docs/performance.md`; with `quick` or names of rows it prints alone.
pub(crate) fn run(words: &[&str]) -> Result<(), String> {
    setup::run()?;
    let mut bench = cargo(&["run", "--release", "--locked"]);
    let directory = servers::workspace().join("benches/rivals");
    bench
        .arg("--manifest-path")
        .arg(directory.join("Cargo.toml"))
        // Beside the servers, so that nothing is built into the sources.
        .arg("--target-dir")
        .arg(servers::directory().with_file_name("rivals"))
        .arg("--")
        .args(words);
    let result = step::run_all([Step::new("bench", bench)]);
    if let Err(message) = servers::stop_all() {
        eprintln!("xtask: {message}");
    }
    result
}
