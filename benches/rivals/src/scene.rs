//! Where it is measured: a database, how far away it is, and a runtime.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, io};

use tokio::runtime::{Builder, Runtime};

use crate::entrant::Database;
use crate::measure::{Effort, Measured, ROWS, Row, measure};

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    PostgreSql,
    MariaDb,
    Sqlite,
}

pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The time that is added to a round trip over loopback.
    pub(crate) delay: Duration,
    on_one_thread: bool,
}

pub(crate) const FAR: Duration = Duration::from_millis(1);

pub(crate) static SCENES: [Scene; 6] = [
    scene("PostgreSQL, no delay", Kind::PostgreSql, Duration::ZERO),
    scene("PostgreSQL, 1 ms", Kind::PostgreSql, FAR),
    scene("MariaDB, no delay", Kind::MariaDb, Duration::ZERO),
    scene("MariaDB, 1 ms", Kind::MariaDb, FAR),
    scene("SQLite, multi-thread runtime", Kind::Sqlite, Duration::ZERO),
    Scene {
        on_one_thread: true,
        ..scene(
            "SQLite, current-thread runtime",
            Kind::Sqlite,
            Duration::ZERO,
        )
    },
];

const fn scene(name: &'static str, kind: Kind, delay: Duration) -> Scene {
    Scene {
        name,
        kind,
        delay,
        on_one_thread: false,
    }
}

/// A scene with its rows.
pub(crate) struct Played {
    pub(crate) scene: &'static Scene,
    /// As it was measured.
    pub(crate) round_trip: Duration,
    pub(crate) rows: Vec<Measured>,
}

impl Scene {
    pub(crate) fn runtime(&self) -> io::Result<Runtime> {
        match self.on_one_thread {
            true => Builder::new_current_thread().enable_all().build(),
            false => Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build(),
        }
    }

    /// The full name of a row, which the words of the command line are looked for in.
    pub(crate) fn name_of(&self, row: &Row) -> String {
        format!("{}: {}", self.name, row.name)
    }

    /// Measures the rows that are wanted. Says on standard error where it is.
    pub(crate) fn play(
        &'static self,
        database: &Database,
        effort: Effort,
        is_wanted: impl Fn(&str) -> bool,
    ) -> io::Result<Played> {
        let line = match self.delay.is_zero() {
            true => None,
            false => Some(Line::start(database.url(), self.delay)?),
        };
        let url = line
            .as_ref()
            .map_or(database.url(), |line| line.url.as_str());
        let pause = (self.delay * 3).max(Duration::from_millis(1));
        let runtime = self.runtime()?;
        let played = runtime.block_on(async {
            let round_trip = database.round_trip(url).await;
            let entrants = database.entrants(url).await;
            let mut rows = Vec::new();
            for row in &ROWS {
                let name = self.name_of(row);
                if is_wanted(&name) {
                    eprintln!("{name}");
                    rows.push(measure(row, &entrants, effort, pause).await);
                }
            }
            Played {
                scene: self,
                round_trip,
                rows,
            }
        });
        // Pools whose connections would be waited for: nobody needs them any more.
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(played)
    }
}

/// A long line to a server, in a process of its own: its processor time is not that of the entrants.
struct Line {
    process: Child,
    url: String,
}

/// The argument that makes this program a line.
pub(crate) const LINE: &str = "line";

impl Line {
    fn start(url: &str, delay: Duration) -> io::Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args([LINE, url, &delay.as_micros().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        Ok(Self { process, url })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Is a line until standard input ends.
pub(crate) fn be_a_line(url: &str, microseconds: &str) -> Result<(), String> {
    let delay = microseconds.parse().map(Duration::from_micros);
    let delay = delay.map_err(|error| format!("{microseconds}: {error}"))?;
    let url = demarcate_tests::line::to_url(url, delay).map_err(|error| error.to_string())?;
    println!("{url}");
    io::copy(&mut io::stdin(), &mut io::sink()).map_err(|error| error.to_string())?;
    Ok(())
}
