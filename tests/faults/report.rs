//! What came of it.

use std::fmt;
use std::time::Duration;

use crate::case::{Case, Database, Point};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    #[default]
    NotTried,
    RolledBack,
    Committed,
    Unknown,
}

/// What was found after one case.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) locks_gone_after: Option<Duration>,
    /// What should be gone and is not: locks, sessions, connections.
    pub(crate) leaks: Vec<String>,
    /// What was committed and is not there.
    pub(crate) losses: Vec<String>,
    /// What was said and is not so.
    pub(crate) lies: Vec<String>,
    broken: Option<String>,
}

impl Verdict {
    /// The matrix itself failed.
    pub(crate) fn not_tried(reason: String) -> Self {
        Self {
            broken: Some(reason),
            ..Self::default()
        }
    }
}

/// All verdicts, in the order in which they came in.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<(Case, Verdict)>);

impl Report {
    pub(crate) fn add(&mut self, case: Case, verdict: Verdict) {
        self.0.push((case, verdict));
    }

    pub(crate) fn tried(&self) -> usize {
        self.0.len()
    }

    /// Nothing leaked, nothing lost, nothing untrue.
    pub(crate) fn is_good(&self) -> bool {
        !self.0.is_empty() && self.complaints().next().is_none()
    }

    fn complaints(&self) -> impl Iterator<Item = String> {
        self.0.iter().flat_map(|(case, verdict)| {
            let kinds = [
                ("leaked", &verdict.leaks),
                ("lost", &verdict.losses),
                ("lied", &verdict.lies),
            ];
            let found = kinds
                .into_iter()
                .flat_map(|(kind, all)| all.iter().map(move |one| (kind, one)));
            let broken = verdict.broken.iter().map(|reason| ("not tried", reason));
            found
                .chain(broken)
                .map(move |(kind, what)| format!("{case}: {kind}: {what}"))
        })
    }
}

/// A line of the table.
#[derive(Default)]
struct Line {
    tried: usize,
    rolled_back: usize,
    committed: usize,
    unknown: usize,
    leaked: usize,
    lost: usize,
    lied: usize,
    times: Vec<Duration>,
}

impl Line {
    fn of<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Self {
        let mut line = Self::default();
        for verdict in verdicts {
            line.tried += 1;
            match verdict.outcome {
                Outcome::NotTried => {}
                Outcome::RolledBack => line.rolled_back += 1,
                Outcome::Committed => line.committed += 1,
                Outcome::Unknown => line.unknown += 1,
            }
            line.leaked += usize::from(!verdict.leaks.is_empty());
            line.lost += usize::from(!verdict.losses.is_empty());
            line.lied += usize::from(!verdict.lies.is_empty());
            line.times.extend(verdict.locks_gone_after);
        }
        line.times.sort();
        line
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |time: Option<&Duration>| {
            time.map_or("-".to_owned(), |time| {
                format!("{:.1} ms", time.as_secs_f64() * 1000.0)
            })
        };
        write!(
            f,
            "{:>6} {:>12} {:>10} {:>8} {:>7} {:>5} {:>5} {:>12} {:>12}",
            self.tried,
            self.rolled_back,
            self.committed,
            self.unknown,
            self.leaked,
            self.lost,
            self.lied,
            milliseconds(self.times.get(self.times.len() / 2)),
            milliseconds(self.times.last()),
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut groups: Vec<(Database, Point)> = Vec::new();
        for (case, _) in &self.0 {
            if !groups.contains(&(case.database, case.point)) {
                groups.push((case.database, case.point));
            }
        }
        groups.sort();
        writeln!(
            f,
            "{:<9} {:<31} {:>6} {:>12} {:>10} {:>8} {:>7} {:>5} {:>5} {:>12} {:>12}",
            "",
            "",
            "tried",
            "rolled back",
            "committed",
            "unknown",
            "leaked",
            "lost",
            "lied",
            "locks gone",
            ""
        )?;
        writeln!(
            f,
            "{:<9} {:<31} {:>70} {:>12}",
            "database", "cut at", "after (median)", "at most"
        )?;
        for (database, point) in groups {
            let those = self
                .0
                .iter()
                .filter(|(case, _)| (case.database, case.point) == (database, point));
            writeln!(
                f,
                "{database:<9} {point:<31} {}",
                Line::of(those.map(|(_, verdict)| verdict))
            )?;
        }
        writeln!(
            f,
            "{:<41} {}",
            "all",
            Line::of(self.0.iter().map(|(_, verdict)| verdict))
        )?;
        self.complaints()
            .try_for_each(|complaint| writeln!(f, "{complaint}"))
    }
}
