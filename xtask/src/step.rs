//! Runs the steps of `cargo xtask test`, and measures how long each takes.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

/// A command with a name.
pub(crate) struct Step {
    name: String,
    command: Command,
}

/// How long a step took.
struct Time {
    name: String,
    seconds: f64,
    /// The processor time of its processes, where the system tells.
    processor: Option<f64>,
}

impl Step {
    pub(crate) fn new(name: impl Into<String>, command: Command) -> Self {
        Self {
            name: name.into(),
            command,
        }
    }
}

/// Runs the steps in order and stops at the first that fails. Says on standard error what runs, and at the end how long
/// each step took; standard output is left to the steps.
///
/// The result of the last step is held back until the times are told, so that the last lines of all are those of its test
/// runner. A single step is left to tell its own.
pub(crate) fn run_all(steps: impl IntoIterator<Item = Step>) -> Result<(), String> {
    let mut steps = steps.into_iter().peekable();
    let mut times = Vec::new();
    let mut held = Vec::new();
    let mut result = Ok(());
    while let Some(mut step) = steps.next() {
        eprintln!("\n=== {}", step.name);
        let before = processor_time();
        let start = Instant::now();
        let status = if steps.peek().is_some() || times.is_empty() {
            step.command.status()
        } else {
            run_holding(&mut step.command, &mut held)
        };
        let seconds = start.elapsed().as_secs_f64();
        let processor = before
            .zip(processor_time())
            .map(|(before, after)| after - before);
        result = match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("the step `{}` failed with {status}", step.name)),
            Err(error) => Err(format!(
                "the step `{}` could not be started: {error}",
                step.name
            )),
        };
        times.push(Time {
            name: step.name,
            seconds,
            processor,
        });
        if result.is_err() {
            break;
        }
        if steps.peek().is_some() {
            eprintln!("=== ok in {seconds:.1} s");
        }
    }
    if times.len() > 1 {
        eprint!("{}", table(&times));
    }
    // Nobody who closed standard output waits for it.
    let _ = io::stdout().write_all(&held);
    result
}

/// Runs the command, and passes on what it writes to standard output, but for the result of a test runner at its end,
/// which is put into `held`.
fn run_holding(command: &mut Command, held: &mut Vec<u8>) -> io::Result<ExitStatus> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    if let Some(output) = child.stdout.take() {
        pass_on(BufReader::new(output), &mut io::stdout(), held)?;
    }
    child.wait()
}

/// Copies `from` to `to`, and leaves in `held` the last result and what is empty around it.
fn pass_on(mut from: impl BufRead, to: &mut impl Write, held: &mut Vec<u8>) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = line.trim_ascii();
        let is_result = text.starts_with(b"test result:");
        if !text.is_empty() && !is_result {
            to.write_all(held)?;
            held.clear();
            to.write_all(&line)?;
            to.flush()?;
            continue;
        }
        held.extend_from_slice(&line);
    }
}

fn table(times: &[Time]) -> String {
    let total = Time {
        name: "all steps".to_owned(),
        seconds: times.iter().map(|time| time.seconds).sum(),
        processor: times.iter().map(|time| time.processor).sum(),
    };
    let width = times
        .iter()
        .map(|time| time.name.len())
        .max()
        .unwrap_or(0)
        .clamp(total.name.len(), 40);
    let mut table = format!(
        "\n=== {:<width$} {:>8} {:>9}\n",
        "step", "seconds", "processor"
    );
    for time in times.iter().chain([&total]) {
        let processor = time
            .processor
            .map_or_else(|| "-".to_owned(), |seconds| format!("{seconds:.1}"));
        table.push_str(&format!(
            "    {:<width$.width$} {:>8.1} {processor:>9}\n",
            time.name, time.seconds
        ));
    }
    table
}

/// The processor time in seconds that the processes have used that this one has waited for, on Linux.
fn processor_time() -> Option<f64> {
    /// The system counts in hundredths of a second, whatever its kernel counts in.
    const PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the name of the program, which may hold spaces and ends with a parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    // `cutime` and `cstime`, the fields 16 and 17 in proc_pid_stat(5).
    let user: f64 = fields.get(13)?.parse().ok()?;
    let system: f64 = fields.get(14)?.parse().ok()?;
    Some((user + system) / PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::{Time, pass_on, table};

    #[test]
    fn the_last_result_is_held_back() {
        let output = "running 1 test\n\ntest result: ok. 1 passed\n\nrunning 2 tests\n\ntest result: ok. 2 passed\n\n";
        let (mut passed, mut held) = (Vec::new(), Vec::new());
        pass_on(output.as_bytes(), &mut passed, &mut held).expect("nothing fails");
        assert!(passed.ends_with(b"ok. 1 passed\n\nrunning 2 tests\n"));
        assert_eq!(held, b"\ntest result: ok. 2 passed\n\n");
    }

    #[test]
    fn the_table_has_each_step_and_the_total() {
        let time = |name: &str, seconds, processor| Time {
            name: name.to_owned(),
            seconds,
            processor,
        };
        let table = table(&[
            time("format", 1.25, Some(2.0)),
            time("lints", 10.0, Some(19.5)),
        ]);
        assert_eq!(
            table,
            "\n=== step       seconds processor\n    format         1.2       2.0\n    lints         10.0      19.5\n    all steps     11.2      21.5\n"
        );
    }
}
