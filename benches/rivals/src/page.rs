//! The page: tables, as they are printed and as `docs/performance.md` has them.

use std::fmt::Write;
use std::time::Duration;

use crate::entrant::{
    AXUM_SQLX_TX, DIESEL, FROM_POOL, GUARDED, HAND, HELD, OURS, OURS_GUARDED, OURS_SINGLE, PEERS,
    SEA_ORM, TUNED,
};
use crate::growth::Growth;
use crate::machine;
use crate::measure::{Figures, Measured, Row};
use crate::round_trips::RoundTrips;
use crate::scene::Played;
use crate::targets;

/// The columns.
const COLUMNS: [&str; 11] = [
    HAND,
    GUARDED,
    TUNED,
    OURS,
    OURS_GUARDED,
    OURS_SINGLE,
    FROM_POOL,
    AXUM_SQLX_TX,
    SEA_ORM,
    DIESEL,
    HELD,
];

/// The round trips of a database.
pub(crate) struct Counted {
    pub(crate) title: &'static str,
    pub(crate) rows: Vec<(&'static Row, Vec<(&'static str, RoundTrips)>)>,
}

/// The results of a run, of which the page is written.
pub(crate) struct Page {
    pub(crate) versions: Vec<String>,
    pub(crate) load: Option<String>,
    pub(crate) played: Vec<Played>,
    pub(crate) counted: Vec<Counted>,
    pub(crate) grown: Vec<Growth>,
}

impl Page {
    pub(crate) fn text(&self) -> String {
        let mut page = String::new();
        let _ = self.write(&mut page);
        page
    }

    /// The targets, and the round trips: what has not been printed before.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        let _ = self.write_targets(&mut text);
        self.counted
            .iter()
            .for_each(|it| text.push_str(&round_trips(it)));
        text
    }

    fn write(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "# Performance\n")?;
        writeln!(
            page,
            "Written by `cargo xtask bench` on {}, and not by hand. {}; {}; {}. {}All over loopback, in one process with two workers \
             of tokio's, and servers that sync nothing to disk.\n",
            machine::date(),
            machine::processor(),
            self.versions.join(", "),
            machine::crates(&[
                "sqlx",
                "axum-sqlx-tx",
                "sea-orm",
                "diesel",
                "diesel-async",
                "bb8",
                "tokio",
                "axum"
            ]),
            self.load.as_ref().map_or(String::new(), |load| format!(
                "The machine's load was {load} when it began. "
            )),
        )?;
        page.push_str(HOW_TO_READ);
        self.write_targets(page)?;
        for played in &self.played {
            page.push_str(&tables(played));
        }
        for counted in &self.counted {
            page.push_str(&round_trips(counted));
        }
        page.push_str(HOW_IT_GROWS);
        for table in &self.grown {
            page.push_str(&growth(table));
        }
        Ok(())
    }

    fn write_targets(&self, page: &mut String) -> std::fmt::Result {
        writeln!(page, "## Targets\n")?;
        writeln!(
            page,
            "| row | faster than | target | measured | |\n|---|---|---|---|---|"
        )?;
        for target in targets::TARGETS {
            let row = |played: &Played| played.rows.iter().position(|it| it.row.name == target.row);
            let measured = self.played.iter().find(|it| it.scene.name == target.scene);
            let Some(row) = measured.and_then(|it| Some(&it.rows[row(it)?])) else {
                continue;
            };
            let (Some(than), Some(ours)) = (row.of(target.than), row.of(target.ours)) else {
                continue;
            };
            let factor = ours.ratio[1] / than.ratio[1];
            let verdict = if factor >= target.factor {
                "met"
            } else {
                "**missed**"
            };
            writeln!(
                page,
                "| {}: {} | {} | {:.2} | {factor:.2} | {verdict} |",
                target.scene, target.row, target.than, target.factor
            )?;
        }
        writeln!(page)?;
        for name in [OURS, FROM_POOL] {
            let mut behind = Vec::new();
            for played in &self.played {
                for row in &played.rows {
                    behind.extend(row.of(name).filter(|it| it.ratio[1] < 1.0).map(|it| {
                        format!("{} ({:.2})", played.scene.name_of(row.row), it.ratio[1])
                    }));
                }
            }
            writeln!(
                page,
                "{name} is slower than sqlx by hand in {}.\n",
                list(&behind)
            )?;
        }
        let mut behind = Vec::new();
        for played in &self.played {
            for row in &played.rows {
                let Some(ours) = row.of(OURS) else { continue };
                let ahead = PEERS.iter().filter_map(|peer| row.of(peer));
                let ahead = ahead.filter(|peer| peer.ratio[1] > ours.ratio[1]);
                behind.extend(ahead.map(|peer| {
                    let factor = ours.ratio[1] / peer.ratio[1];
                    format!(
                        "{} ({}: {factor:.2})",
                        played.scene.name_of(row.row),
                        peer.name
                    )
                }));
            }
        }
        writeln!(
            page,
            "A peer is faster than demarcate in {}.\n",
            list(&behind)
        )
    }
}

fn list(rows: &[String]) -> String {
    match rows {
        [] => "no row".to_owned(),
        rows => format!("{} rows: {}", rows.len(), rows.join("; ")),
    }
}

const HOW_TO_READ: &str = "\
A boundary is a transaction with its statements, on a pool of ten connections. The loads: so many writes (each updates one row; no two
tasks write the same); an error after one write, which is rolled back; one select in a boundary that only reads; and a handler
that waits 5 ms before its first statement. *1 ms* is a line to the server that makes each round trip so much longer.

Ratios say how much faster than sqlx by hand: 1.30 does in one second what takes 1.30 by hand. All entrants take turns, batch by batch; a
ratio is between neighbours in time, and the table has the median and, in parentheses, the quartiles. Below 1.00 it is bold.

| column | is |
|---|---|
| sqlx by hand | `pool.begin()`, the statements, `commit()` or `rollback()`, with the pool's default options |
| by hand, same guarantees | and isolation, timeouts of statements and locks, each as a statement after the begin; a timeout around all |
| by hand, tuned | the same in one text for `begin_with`, and `test_before_acquire(false)` |
| demarcate | `SessionFactory::connect`, `transaction`; `read_only` where it reads, on MariaDB at read committed |
| demarcate, isolation and timeouts | and `isolation`, `statement_timeout`, `lock_timeout` |
| demarcate, single statement | and `single_statement`, where there is one: the server commits it, which the limit does not count on |
| demarcate `from(pool)` | on a pool of sqlx's with its default options |
| axum-sqlx-tx | its extractor and its layer; it is there for HTTP alone |
| sea-orm | on a pool of sqlx's with its default options, statements as texts |
| diesel-async | with bb8, and the default options of both |
| held connections | ten connections in a list, `begin` and `commit` as texts, no guarantee: what cannot be beaten by a pool, where nothing but this program takes time |
| limit | the time that the wire and the load take: round trips that have to be waited for, one after the other, on ten connections |

The limit counts one round trip to begin, one for each statement, one to commit; none for a read that is alone, and none for a rollback.
It is not reached for what is between: tasks that are woken, ten connections that queue at one server, and the two cores that everything shares.

";

const HOW_IT_GROWS: &str = "\
## Growth

What one costs where there are many, on PostgreSQL without delay: the least of three figures.

";

/// A table of growth.
pub(crate) fn growth(table: &Growth) -> String {
    let mut text = String::new();
    let _ = write_growth(&mut text, table);
    text
}

fn write_growth(page: &mut String, table: &Growth) -> std::fmt::Result {
    writeln!(page, "### {}\n\nIn {}.\n", table.name, table.unit)?;
    let has_hand = table.rows.iter().any(|row| row.by_hand.is_some());
    let hand = if has_hand { " sqlx by hand |" } else { "" };
    let line = if has_hand { "---|" } else { "" };
    writeln!(page, "| {} | demarcate |{hand}\n|---|---|{line}", table.of)?;
    for row in &table.rows {
        let hand = row.by_hand.map(|hand| format!(" {hand:.2} |"));
        let hand = hand.unwrap_or_default();
        writeln!(page, "| {} | {:.2} |{hand}", row.count, row.ours)?;
    }
    writeln!(page)
}

/// The tables of a scene.
pub(crate) fn tables(played: &Played) -> String {
    let mut text = String::new();
    let _ = write_tables(&mut text, played);
    text
}

fn write_tables(text: &mut String, played: &Played) -> std::fmt::Result {
    let scene = played.scene;
    writeln!(text, "## {}\n", scene.name)?;
    if !played.round_trip.is_zero() {
        let milliseconds = played.round_trip.as_secs_f64() * 1e3;
        writeln!(text, "A round trip takes {milliseconds:.2} ms.\n")?;
    }
    writeln!(text, "How much faster than sqlx by hand:\n")?;
    let has_limit = !scene.delay.is_zero();
    let limit = if has_limit { " limit |" } else { "" };
    heading(text, limit)?;
    for measured in &played.rows {
        write!(text, "| {} |", measured.row.name)?;
        for name in COLUMNS {
            write!(
                text,
                " {} |",
                measured.of(name).map_or("".to_owned(), ratio)
            )?;
        }
        if has_limit {
            let limit = measured.row.limit(scene.delay);
            write!(text, " {} |", of_limit(measured, limit))?;
        }
        writeln!(text)?;
    }
    writeln!(
        text,
        "\nMicroseconds for each boundary, of time and of processor time of this program (over HTTP the client is in it):\n"
    )?;
    heading(text, limit)?;
    for measured in &played.rows {
        write!(text, "| {} |", measured.row.name)?;
        for name in COLUMNS {
            let figures = measured.of(name);
            let cell = figures.map(|it| format!("{:.0} / {:.0}", it.wall, it.processor));
            write!(text, " {} |", cell.unwrap_or_default())?;
        }
        if has_limit {
            let limit = measured.row.limit(scene.delay);
            write!(text, " {} |", limit.as_micros())?;
        }
        writeln!(text)?;
    }
    let lost = played
        .rows
        .iter()
        .flat_map(|row| row.figures.iter().map(move |it| (row, it)));
    for (row, figures) in lost.filter(|(_, figures)| figures.lost > 0) {
        let (name, lost) = (figures.name, figures.lost);
        writeln!(
            text,
            "\n{name} did not end {lost} boundaries of \"{}\" as it should.",
            row.row.name
        )?;
    }
    let least = played.rows.iter().map(|row| row.rounds).min().unwrap_or(0);
    let most = played.rows.iter().map(|row| row.rounds).max().unwrap_or(0);
    writeln!(text, "\nBetween {least} and {most} rounds.\n")
}

fn heading(text: &mut String, limit: &str) -> std::fmt::Result {
    writeln!(text, "| | {} |{limit}", COLUMNS.join(" | "))?;
    let columns = COLUMNS.len() + usize::from(!limit.is_empty());
    writeln!(text, "|---|{}", "---|".repeat(columns))
}

fn ratio(figures: &Figures) -> String {
    let [low, middle, high] = figures.ratio;
    match figures.name {
        HAND => "1".to_owned(),
        _ if middle < 0.995 => format!("**{middle:.2}** ({low:.2} to {high:.2})"),
        _ => format!("{middle:.2} ({low:.2} to {high:.2})"),
    }
}

/// How much faster than by hand the limit is.
fn of_limit(measured: &Measured, limit: Duration) -> String {
    let hand = measured.of(HAND).map_or(0.0, |figures| figures.wall);
    match limit.is_zero() {
        true => String::new(),
        false => format!("{:.2}", hand / (limit.as_secs_f64() * 1e6)),
    }
}

fn round_trips(counted: &Counted) -> String {
    let mut text = String::new();
    let _ = write_round_trips(&mut text, counted);
    text
}

fn write_round_trips(text: &mut String, counted: &Counted) -> std::fmt::Result {
    writeln!(text, "## {}\n", counted.title)?;
    writeln!(
        text,
        "Of one boundary whose statements are prepared, counted on the wire: those that the caller waits for + those that follow.\n"
    )?;
    heading(text, " needed |")?;
    for (row, counts) in &counted.rows {
        write!(text, "| {} |", row.name)?;
        for name in COLUMNS {
            let count = counts.iter().find(|(own, _)| *own == name);
            let cell = count.map(|(_, count)| match count.after {
                0 => count.waited_for.to_string(),
                after => format!("{} + {after}", count.waited_for),
            });
            write!(text, " {} |", cell.unwrap_or_default())?;
        }
        writeln!(text, " {} |", row.needed_round_trips())?;
    }
    writeln!(text)
}
