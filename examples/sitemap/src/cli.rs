//! The command line.

use std::net::SocketAddr;

use clap::{Parser, Subcommand};

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
    /// Serves the HTTP API, and beside it the two demo sites
    Serve {
        /// Where to listen; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
    },
    /// Scans a site, a sitemap on the web, or a sitemap on this machine
    Scan {
        /// `https://example.com/`, `https://example.com/sitemap.xml` or `sitemap.xml.gz`
        #[arg(value_name = "URL|FILE")]
        start: String,
    },
}
