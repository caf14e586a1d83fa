//! One step of `cargo xtask test`.

use std::process::Command;
use std::time::Instant;

/// A command with a name.
pub(crate) struct Step {
    name: String,
    command: Command,
}

impl Step {
    pub(crate) fn new(name: impl Into<String>, command: Command) -> Self {
        Self {
            name: name.into(),
            command,
        }
    }

    /// Runs the command, and says on standard error what it is. Standard output is left to it.
    ///
    /// How long it took is said with the next step, so that the last lines of all are those of the last command.
    pub(crate) fn run(mut self, before: Option<f64>) -> Result<f64, String> {
        match before {
            Some(seconds) => eprintln!("=== ok in {seconds:.1} s\n\n=== {}", self.name),
            None => eprintln!("\n=== {}", self.name),
        }
        let start = Instant::now();
        let status = self.command.status();
        let seconds = start.elapsed().as_secs_f64();
        match status {
            Ok(status) if status.success() => Ok(seconds),
            Ok(status) => Err(format!(
                "the step `{}` failed with {status} after {seconds:.1} s",
                self.name
            )),
            Err(error) => Err(format!(
                "the step `{}` could not be started: {error}",
                self.name
            )),
        }
    }
}
