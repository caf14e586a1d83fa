//! `cargo xtask`: the development tasks of this repository.

mod behind;
mod bench;
mod codes;
mod editor;
mod faults;
mod layers;
mod least;
mod setup;
mod step;
mod test;

use std::env;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

commands:
  setup   install the servers that the tests need
  layers  hold the imports of each crate to the floors in ARCHITECTURE.md; `--circles [<checkout>]` prints how many files
          import each other in a circle, `--write` brings the files in the tables and the list of exceptions up to date
  codes   write the lists of codes that the classifier must know
  test    everything that CI checks: format, lints, docs, each feature, messages, tests
  least   `demarcate` with the least versions that Cargo.toml admits; needs a nightly toolchain, and says so where there is none
  editor  what rust-analyzer shows of a marked function; needs a nightly toolchain with it, and says so where there is none
  poolers the suites on PostgreSQL, through PgBouncer in each of its modes
  faults  the fault matrix, several times over; words after it keep the cases in whose name they stand
  bench   demarcate beside sqlx by hand and its peers; writes docs/performance.md. `quick` takes a minute, and words after it
          keep the rows in whose name they stand; both print alone
";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments[..] {
        ["codes"] => codes::run(),
        ["editor"] => editor::run(),
        ["layers"] => layers::run(),
        ["layers", "--circles"] => layers::print_circles(None),
        ["layers", "--circles", checkout] => layers::print_circles(Some(checkout)),
        ["layers", "--write"] => layers::write(),
        ["least"] => least::run(),
        ["setup"] => setup::run(),
        ["test"] => test::run(),
        ["poolers"] => behind::run(),
        ["faults", ref names @ ..] => faults::run(names),
        ["bench", ref words @ ..] => bench::run(words),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        [] => Err(format!("a command is missing\n\n{USAGE}")),
        [
            "codes" | "editor" | "layers" | "least" | "setup" | "test" | "poolers",
            unknown,
            ..,
        ] => Err(format!("unknown argument `{unknown}`\n\n{USAGE}")),
        [unknown, ..] => Err(format!("unknown command `{unknown}`\n\n{USAGE}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
