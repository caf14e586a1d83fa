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

    /// Runs the command, and says on standard error what it is and how long it took.
    ///
    /// Standard output is left to the commands, so that its last lines are those of the last step.
    pub(crate) fn run(mut self) -> Result<(), String> {
        eprintln!("\n=== {}", self.name);
        let start = Instant::now();
        let status = self.command.status();
        let seconds = start.elapsed().as_secs_f64();
        match status {
            Ok(status) if status.success() => {
                eprintln!("=== {}: ok in {seconds:.1} s", self.name);
                Ok(())
            }
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
