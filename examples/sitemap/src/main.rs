//! A sitemap analyser: `cargo run -p sitemap`, or with `-- --help`.

mod cli;
mod commands;
mod stop;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Parser;
use sitemap::limit::ScanLimit;
use tracing_subscriber::EnvFilter;

use self::cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    log(&cli);
    let done = match cli.command {
        None => commands::demo().await,
        Some(Command::Serve {
            listen,
            max_running,
            max_waiting,
        }) => commands::serve(listen, ScanLimit::new(max_running, max_waiting)).await,
        Some(Command::Scan { start }) => commands::scan(&start).await,
    };
    match done {
        Ok(code) => code,
        // One sentence that says what to do. A backtrace would say where this program is, not what
        // is wrong with the input.
        Err(error) => {
            eprintln!("error: {}", sentence(&error));
            ExitCode::FAILURE
        }
    }
}

/// The causes in a row, without those that the one before has repeated already.
fn sentence(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !said.contains(&cause) {
            said += if said.is_empty() { "" } else { ": " };
            said += &cause;
        }
    }
    said
}

/// A server logs; the demo and a scan say by themselves what went wrong. `RUST_LOG` decides otherwise.
fn log(cli: &Cli) {
    let level = match cli.command {
        // PostgreSQL notices each table that is there already.
        Some(Command::Serve { .. }) => "info,sqlx::postgres::notice=warn",
        _ => "off",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
}
