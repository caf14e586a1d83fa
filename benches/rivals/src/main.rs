//! demarcate beside sqlx by hand and its peers, in one run.
//!
//! `cargo xtask bench` prints tables and writes `docs/performance.md`; `cargo xtask bench quick` takes about a minute, and
//! further words keep the rows in whose names one of them stands, such as `"PostgreSQL, 1 ms: 3 writes"`, and `growth` the tables
//! of growth. Both print alone.

mod database;
mod entrant;
mod growth;
mod http;
mod machine;
mod measure;
mod page;
mod rival;
mod rivals;
mod round_trips;
mod scene;
mod targets;

use std::process::ExitCode;
use std::{env, fs, io};

use xtask::servers;

use crate::entrant::Database;
use crate::measure::{LONG, QUICK};
use crate::page::{Counted, Page, tables};
use crate::scene::{Kind, LINE, SCENES, Scene};

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let result = match &words[..] {
        [command, url, delay] if command == LINE => scene::be_a_line(url, delay),
        words => run(words).map_err(|error| error.to_string()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> io::Result<()> {
    let is_quick = words.iter().any(|word| word == "quick");
    let words: Vec<String> = words
        .iter()
        .filter(|word| *word != "quick")
        .map(|word| word.to_lowercase())
        .collect();
    let is_wanted = |name: &str| {
        let name = name.to_lowercase();
        words.is_empty() || words.iter().any(|word| name.contains(word.as_str()))
    };
    let effort = if is_quick { QUICK } else { LONG };
    let load = machine::load();
    let (mut versions, mut played, mut counted) = (Vec::new(), Vec::new(), Vec::new());
    let mut grown = Vec::new();
    for kind in [Kind::PostgreSql, Kind::MariaDb, Kind::Sqlite] {
        let scenes = SCENES.iter().filter(|scene| scene.kind == kind);
        let scenes: Vec<&'static Scene> = scenes
            .filter(|scene| {
                measure::ROWS
                    .iter()
                    .any(|row| is_wanted(&scene.name_of(row)))
            })
            .collect();
        let grows = kind == Kind::PostgreSql && is_wanted("growth");
        let mut all = SCENES.iter().filter(|scene| scene.kind == kind);
        let Some(first) = scenes
            .first()
            .copied()
            .or(all.next())
            .filter(|_| grows || !scenes.is_empty())
        else {
            continue;
        };
        let runtime = first.runtime()?;
        let database = runtime.block_on(async {
            match kind {
                Kind::PostgreSql => Database::postgres().await,
                Kind::MariaDb => Database::mariadb().await,
                Kind::Sqlite => Database::sqlite().await,
            }
        });
        let version = runtime.block_on(database.version());
        let title = match kind {
            Kind::PostgreSql => "PostgreSQL",
            Kind::MariaDb => "MariaDB",
            Kind::Sqlite => "SQLite",
        };
        versions.push(format!("{title} {version}"));
        if grows {
            eprintln!("growth");
            grown = runtime.block_on(growth::measure(database.url()));
            grown
                .iter()
                .for_each(|table| println!("{}", page::growth(table)));
        }
        let is_counted = |row: &measure::Row| is_wanted(&first.name_of(row));
        match kind {
            Kind::PostgreSql => counted.push(Counted {
                title: "Round trips, PostgreSQL",
                rows: runtime.block_on(round_trips::count::<sqlx::Postgres>(&database, is_counted)),
            }),
            Kind::MariaDb => counted.push(Counted {
                title: "Round trips, MariaDB",
                rows: runtime.block_on(round_trips::count::<sqlx::MySql>(&database, is_counted)),
            }),
            Kind::Sqlite => {}
        }
        // The connections of those who were counted.
        drop(runtime);
        for scene in scenes {
            let measured = scene.play(&database, effort, is_wanted)?;
            println!("{}", tables(&measured));
            played.push(measured);
        }
    }
    let page = Page {
        versions,
        load,
        played,
        counted,
        grown,
    };
    println!("{}", page.summary());
    if is_quick || !words.is_empty() {
        return Ok(());
    }
    fs::write(
        servers::workspace().join("docs/performance.md"),
        page.text(),
    )
}
