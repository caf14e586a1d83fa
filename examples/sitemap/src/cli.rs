//! The command line.

use std::{net::SocketAddr, num::NonZeroU16};

use clap::{Parser, Subcommand};
use sitemap::limit::{DEFAULT_RUNNING, DEFAULT_WAITING};

/// A sitemap analyser.
///
/// Without a command: serves the program and two small sites on loopback, scans them through its
/// own HTTP API, says what was stored and what failed, and leaves nothing behind.
///
/// The database is SQLite, in a temporary file, unless DATABASE_URL names a SQLite file or a
/// PostgreSQL database: `serve` and `scan` create their tables there, and their rows stay.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    /// What to do; the demo, if not given.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves the HTTP API, probes and metrics, and beside it the two demo sites
    Serve {
        /// Where to listen; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// How many scans run at once
        #[arg(long, value_name = "SCANS", default_value_t = DEFAULT_RUNNING)]
        max_running: NonZeroU16,
        /// How many more scans are accepted and wait; beyond that the answer is 503
        #[arg(long, value_name = "SCANS", default_value_t = DEFAULT_WAITING)]
        max_waiting: u16,
    },
    /// Scans a site, a sitemap on the web, or a sitemap on this machine
    Scan {
        /// `https://example.com/`, `https://example.com/sitemap.xml` or `sitemap.xml.gz`
        #[arg(value_name = "URL|FILE")]
        start: String,
    },
}
