//! The health report and its checks.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use super::kind::{CheckKind, Unit};

/// The status of a check or of a report. A worse status is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Everything is as it should be.
    Healthy,
    /// The database serves, and needs attention.
    Degraded,
    /// The database does not serve all requests.
    Unhealthy,
    /// The database does not serve, or will soon stop to.
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

/// The outcome of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The check was made.
    Judged(Status),
    /// The check could not be made, or not completely, or does not apply: the reason, and what to do about it. A skipped
    /// check is never healthy.
    Skipped(Cow<'static, str>),
}

impl Outcome {
    /// Returns the status; `None` if the check was skipped.
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
    /// The unit of the number.
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

/// One check of a report.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Check {
    /// The kind of the check.
    pub kind: CheckKind,
    /// The status, or the reason why the check was skipped.
    pub outcome: Outcome,
    /// The value that was measured, if the check measures one.
    pub value: Option<Measure>,
    /// The level that the value has crossed, if it has crossed one.
    pub threshold: Option<Measure>,
    /// Details: boundaries with their place in the source, session numbers of the server, statements without their
    /// literals, errors of the database. They may name databases, programs and hosts, and are for operators only.
    pub evidence: Vec<String>,
    /// What to do, if the check is not healthy.
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

    /// Returns the status; `None` if the check was skipped.
    pub fn status(&self) -> Option<Status> {
        self.outcome.status()
    }
}

impl fmt::Display for Check {
    /// Writes one line, and one for each piece of evidence.
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

/// The health of the database: a status, and the checks that led to it.
///
/// `Display` writes a line for each check, with its evidence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HealthReport {
    /// The worst status of the checks. A skipped check does not change it, with one exception: if the check of the
    /// connection was skipped, the status is at best [`Degraded`](Status::Degraded). If all checks were skipped, it is
    /// [`Unhealthy`](Status::Unhealthy).
    pub status: Status,
    /// The database system, as this crate names it: `PostgreSQL`, `MySQL`, `SQLite`.
    pub database: &'static str,
    /// The server and its version, if known: `MariaDB 10.11.19`.
    pub server: String,
    /// The checks, in the order of [`CheckKind::ALL`].
    pub checks: Vec<Check>,
    /// When the examination began.
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

    /// Returns the check of that kind; `None` if this database, or this factory, has no such check.
    pub fn check(&self, kind: CheckKind) -> Option<&Check> {
        self.checks.iter().find(|check| check.kind == kind)
    }

    /// Returns the checks that have the status of the report, unless that is healthy: the reasons for the status.
    pub fn causes(&self) -> impl Iterator<Item = &Check> {
        let worst = Some(self.status).filter(|status| *status > Status::Healthy);
        self.checks
            .iter()
            .filter(move |check| worst.is_some() && check.status() == worst)
    }

    /// Returns the checks that were skipped.
    pub fn skipped(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.status().is_none())
    }
}

/// Returns the status of a report with these checks.
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
        write!(f, "{status}: {server}, checked in {took:.1?}")?;
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
            "CRITICAL  pool_usage: 97.5 % (threshold 95.0 %); look for a boundary that waits for something other than \
             the database, or raise `max_connections`\n          held by router `list` (src/lib.rs:3) for 1.0s"
        );
        let skipped = Check::skipped(CheckKind::Blocked, "grant it");
        assert_eq!(skipped.to_string(), "SKIPPED   blocked: grant it");
    }
}
