//! What a look at the database's health says.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use super::kind::{CheckKind, Unit};

/// How well something is. Worse is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// As it should be.
    Healthy,
    /// It serves, and somebody should look at it.
    Degraded,
    /// It does not serve all that it should.
    Unhealthy,
    /// It does not serve, or soon will not.
    Critical,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "HEALTHY",
            Self::Degraded => "DEGRADED",
            Self::Unhealthy => "UNHEALTHY",
            Self::Critical => "CRITICAL",
        })
    }
}

/// What came of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was looked at.
    Judged(Status),
    /// It could not be looked at, or not in full, or there is nothing to look at: why, and what to do about it. That is
    /// never healthy.
    Skipped(Cow<'static, str>),
}

impl Outcome {
    /// What was judged, if it was.
    pub fn status(&self) -> Option<Status> {
        match self {
            Self::Judged(status) => Some(*status),
            Self::Skipped(_) => None,
        }
    }
}

/// A number with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Measure {
    /// The number.
    pub number: f64,
    /// What it counts.
    pub unit: Unit,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, unit } = *self;
        match unit {
            Unit::Transactions | Unit::Bytes => write!(f, "{number:.0} {unit}"),
            Unit::Milliseconds => write!(f, "{number:.2} {unit}"),
            Unit::Percent | Unit::Seconds | Unit::PerMinute => write!(f, "{number:.1} {unit}"),
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// What it was.
    pub kind: CheckKind,
    /// How well it is, or why that is not known.
    pub outcome: Outcome,
    /// What was found, where it is a number.
    pub value: Option<Measure>,
    /// The level that the value has crossed.
    pub threshold: Option<Measure>,
    /// Who and what: boundaries with their place in the source, the server's numbers of sessions, statements without the
    /// values in them, what the database said. It may name databases, programs and hosts, and is for those who look
    /// after it.
    pub evidence: Vec<String>,
    /// What to do, where it is sick.
    pub recommendation: Option<&'static str>,
}

impl Check {
    pub(super) fn skipped(kind: CheckKind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            outcome: Outcome::Skipped(reason.into()),
            value: None,
            threshold: None,
            evidence: Vec::new(),
            recommendation: None,
        }
    }

    pub(super) fn judged(kind: CheckKind, status: Status) -> Self {
        Self {
            kind,
            outcome: Outcome::Judged(status),
            value: None,
            threshold: None,
            evidence: Vec::new(),
            recommendation: (status > Status::Healthy).then(|| kind.row().advice),
        }
    }

    /// What was judged, if it was.
    pub fn status(&self) -> Option<Status> {
        self.outcome.status()
    }
}

impl fmt::Display for Check {
    /// One line, and one for each piece of evidence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Judged(status) => write!(f, "{status:9} {}", self.kind)?,
            Outcome::Skipped(reason) => write!(f, "{:9} {}: {reason}", "SKIPPED", self.kind)?,
        }
        if let Some(value) = self.value {
            write!(f, ": {value}")?;
        }
        if let Some(threshold) = self.threshold {
            write!(f, " (threshold {threshold})")?;
        }
        if let Some(recommendation) = self.recommendation {
            write!(f, "; {recommendation}")?;
        }
        for evidence in &self.evidence {
            write!(f, "\n          {evidence}")?;
        }
        Ok(())
    }
}

/// How well the database is, and why.
///
/// Shown with `{}` it has a line for each check, with evidence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HealthReport {
    /// The worst of what was judged. A check that was skipped neither lowers nor raises it, but for that of the
    /// connection: a report without it is [`Degraded`](Status::Degraded) at best. One in which nothing was judged is
    /// [`Unhealthy`](Status::Unhealthy).
    pub status: Status,
    /// The database, as this crate calls it: `PostgreSQL`, `MySQL`, `SQLite`.
    pub database: &'static str,
    /// The server and its version, as far as it is known: `MariaDB 10.11.19`.
    pub server: String,
    /// What was looked at, in the order of [`CheckKind::ALL`].
    pub checks: Vec<Check>,
    /// When it began.
    pub checked_at: SystemTime,
    /// How long it took.
    pub took: Duration,
}

impl HealthReport {
    pub(super) fn of(
        database: &'static str,
        server: String,
        checks: Vec<Check>,
        at: SystemTime,
        took: Duration,
    ) -> Self {
        Self {
            status: overall(&checks),
            database,
            server,
            checks,
            checked_at: at,
            took,
        }
    }

    /// The check of that kind, where this database has it.
    pub fn check(&self, kind: CheckKind) -> Option<&Check> {
        self.checks.iter().find(|check| check.kind == kind)
    }

    /// What is as bad as the whole, unless all is well: why the status is what it is.
    pub fn causes(&self) -> impl Iterator<Item = &Check> {
        let worst = Some(self.status).filter(|status| *status > Status::Healthy);
        self.checks
            .iter()
            .filter(move |check| worst.is_some() && check.status() == worst)
    }

    /// What could not be looked at.
    pub fn skipped(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.status().is_none())
    }
}

fn overall(checks: &[Check]) -> Status {
    let Some(worst) = checks.iter().filter_map(Check::status).max() else {
        return Status::Unhealthy;
    };
    let is_connected = checks
        .iter()
        .any(|check| check.kind == CheckKind::Connection && check.status().is_some());
    match is_connected {
        true => worst,
        false => worst.max(Status::Degraded),
    }
}

impl fmt::Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            status,
            server,
            took,
            ..
        } = self;
        write!(f, "{status}: {server}, looked at in {took:.1?}")?;
        for check in &self.checks {
            write!(f, "\n{check}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_is_not_healthy() {
        let skipped = |kind| Check::skipped(kind, "no right to look");
        let well = |kind| Check::judged(kind, Status::Healthy);
        let (connection, pool) = (CheckKind::Connection, CheckKind::PoolUsage);
        assert_eq!(overall(&[]), Status::Unhealthy);
        assert_eq!(
            overall(&[skipped(connection), skipped(pool)]),
            Status::Unhealthy
        );
        assert_eq!(
            overall(&[skipped(connection), well(pool)]),
            Status::Degraded
        );
        assert_eq!(overall(&[well(connection), skipped(pool)]), Status::Healthy);
        let sick = Check::judged(pool, Status::Critical);
        assert_eq!(overall(&[skipped(connection), sick]), Status::Critical);
    }

    #[test]
    fn a_check_is_shown_with_all_that_it_says() {
        let check = Check {
            value: Some(Measure {
                number: 97.53,
                unit: Unit::Percent,
            }),
            threshold: Some(Measure {
                number: 95.0,
                unit: Unit::Percent,
            }),
            evidence: vec!["held by router `list` (src/lib.rs:3) for 1.0s".into()],
            ..Check::judged(CheckKind::PoolUsage, Status::Critical)
        };
        assert_eq!(
            check.to_string(),
            "CRITICAL  pool_usage: 97.5 % (threshold 95.0 %); look for a boundary that waits for something else than \
             the database, or raise `max_connections`\n          held by router `list` (src/lib.rs:3) for 1.0s"
        );
        let skipped = Check::skipped(CheckKind::Blocked, "grant it");
        assert_eq!(skipped.to_string(), "SKIPPED   blocked: grant it");
    }
}
