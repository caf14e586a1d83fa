//! `cargo demarcate`: the rules of demarcate over a whole workspace, without compiling it.
//!
//! * `cargo demarcate allows` lists every rule that was lifted, where, and why.
//! * `cargo demarcate check` holds every router, service and job to the rules, and likewise, with an attribute or without,
//!   every function that is lent a session and every closure that a session factory runs in a transaction.
//!
//! The rules are those of `demarcate-rules`, as the attributes ask them. What only the compiler knows, the type behind a
//! name, is left to the compiler. Code that a macro makes or takes is not seen.

mod allows;
mod check;
mod factories;
mod modules;
mod names;
mod private;
mod unmarked;
mod visit;
mod workspace;

use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use demarcate_rules::Errors;
use serde::Serialize;

use crate::allows::Allows;
use crate::check::Check;
use crate::factories::Factories;
use crate::names::Names;
use crate::visit::{Seen, look};
use crate::workspace::Workspace;

/// How cargo calls it: `cargo-demarcate demarcate check`.
#[derive(Parser)]
#[command(name = "cargo", bin_name = "cargo")]
enum Cargo {
    /// The rules of demarcate over a whole workspace, without compiling it.
    #[command(subcommand, version)]
    Demarcate(Command),
}

#[derive(Subcommand)]
enum Command {
    /// List every rule that was lifted with `allow(..)`, and every `skip`.
    Allows(Common),
    /// Hold all code inside transactions to the rules; 1 if one is broken, 2 if a file cannot be read.
    ///
    /// That is: every router, service and background job; every function with a `&mut Session` and no attribute, which is
    /// reported as that; and every closure that a session factory runs in a transaction, in any function. Tests are held to
    /// them where they have an attribute. A path to what the attributes expand to is an error.
    Check(Common),
}

#[derive(Args)]
struct Common {
    /// The workspace's Cargo.toml, or that of one of its members.
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A line for each.
    Text,
    /// One array of objects.
    Json,
}

fn main() -> ExitCode {
    let Cargo::Demarcate(command) = Cargo::parse();
    match run(&command) {
        Ok(code) => code,
        Err(message) => {
            eprintln!("cargo demarcate: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(command: &Command) -> Result<ExitCode, String> {
    match command {
        Command::Allows(common) => {
            let mut allows = Allows::default();
            let unread = each_file(common, &mut allows)?;
            print(common.format, &allows.list)?;
            Ok(unread)
        }
        Command::Check(common) => {
            let mut check = Check::default();
            let unread = each_file(common, &mut check)?;
            check.sort();
            print(common.format, &check.found)?;
            eprintln!("{}", check.summary());
            Ok(if check.is_refused() {
                ExitCode::FAILURE
            } else {
                unread
            })
        }
    }
}

/// Visits every file of every package that uses demarcate. A file that cannot be read is an error.
fn each_file(common: &Common, seen: &mut dyn Seen) -> Result<ExitCode, String> {
    let workspace = Workspace::load(common.manifest_path.as_deref())?;
    let mut code = ExitCode::SUCCESS;
    for package in workspace.packages() {
        let (files, unread) = modules::of(&package.roots);
        for message in unread {
            eprintln!("cargo demarcate: {message}");
            code = ExitCode::from(2);
        }
        let (programs, _) = modules::of(&package.programs);
        let programs: Vec<_> = programs.into_iter().map(|file| file.path).collect();
        let factories = Factories::of(files.iter().map(|file| &file.parsed));
        demarcate_rules::in_package(&package.directory, || {
            for file in &files {
                let shown = workspace.shown(&file.path);
                let unmarked =
                    Some(&factories).filter(|_| !package.is_ours && programs.contains(&file.path));
                let names = Names::of(&file.parsed, &package.names, factories.has_own_session);
                if !package.is_ours {
                    let mut errors = Errors::default();
                    private::mentions(&file.parsed, &package.names, &mut errors);
                    seen.mistakes(&shown, &errors);
                }
                demarcate_rules::in_file(&file.path, || {
                    look(&shown, &file.parsed, names, unmarked, seen);
                });
            }
        });
    }
    Ok(code)
}

fn print(format: Format, found: &[impl Serialize + fmt::Display]) -> Result<(), String> {
    let text = match format {
        Format::Text => found.iter().map(|one| format!("{one}\n")).collect(),
        Format::Json => {
            let json = serde_json::to_string_pretty(found).map_err(|error| error.to_string())?;
            format!("{json}\n")
        }
    };
    match io::stdout().write_all(text.as_bytes()) {
        // `cargo demarcate allows | head`
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| format!("cannot write: {error}")),
    }
}
