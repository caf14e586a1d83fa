//! Assesses the readings: makes the checks of a report.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use demarcate_sql::Dialect;

use super::collect::{Collected, Contact};
use super::history::{History, Sample};
use super::kind::CheckKind;
use super::own_counters::OwnCounters;
use super::readings::{Counters, Lag, Reading, Readings, Session, Sessions, Share};
use super::report::{Check, Measure, Status};
use super::thresholds::Thresholds;
use crate::pool::PoolStatus;
use crate::scope::activity::OpenBoundary;
use crate::scope::holder::InWords;
use crate::scope::sql_text::shown_within;

/// The largest number of pieces of evidence of one kind.
const SHOWN: usize = 5;

/// The length to which a statement is truncated, in bytes.
const LONGEST: usize = 200;

/// The smallest number of reads that a check of the cache is based on.
const TELLING_READS: u64 = 10_000;

/// The smallest number of transactions that a check of a share is based on.
const TELLING_RUNS: u64 = 20;

/// Everything that the checks are based on.
pub(super) struct Assessment<'a> {
    pub(super) thresholds: &'a Thresholds,
    pub(super) dialect: Dialect,
    /// Whether the boundaries of the factory are read-only by default.
    pub(super) only_reads: bool,
    pub(super) pool: PoolStatus,
    pub(super) open: Vec<OpenBoundary>,
    pub(super) collected: Collected,
    /// What was collected from each replica of the factory.
    pub(super) replicas: Vec<Collected>,
    pub(super) own: OwnCounters,
    /// The counters of an earlier report, to compare with.
    pub(super) before: Option<Sample>,
    pub(super) now: Instant,
}

impl<'a> Assessment<'a> {
    /// Records the counters in the history, and takes the sample to compare with from it.
    pub(super) fn compare(&mut self, history: &History) {
        let counters = self
            .collected
            .readings
            .as_ref()
            .ok()
            .map(|r| r.counters.clone());
        let sample = Sample {
            taken: self.now,
            counters,
            own: self.own.clone(),
        };
        // A failed examination has no counters that a later one could be compared with.
        if sample.counters.is_none() {
            return;
        }
        self.before = history.enter(&sample, self.thresholds.comparison_window());
        let is_behind = |before: &Sample| match (&sample.counters, &before.counters) {
            (Some(now), Some(before)) => is_behind(now, before),
            _ => false,
        };
        if self.before.as_ref().is_some_and(is_behind) {
            history.forget_all_before(&sample);
            self.before = None;
        }
    }

    /// Makes the check of that kind.
    pub(super) fn judge(&self, kind: CheckKind) -> Check {
        if self.thresholds.is_off(kind) {
            return Check::skipped(kind, "left out by the thresholds");
        }
        match kind {
            CheckKind::Connection => self.connection(),
            CheckKind::PoolUsage => self.pool_usage(),
            CheckKind::AverageStatement | CheckKind::P99Statement => self.statement_time(kind),
            CheckKind::Busy => self.busy(),
            CheckKind::Replicas => self.replicas(),
            _ => match &self.collected.readings {
                Ok(readings) => self
                    .reading(kind, readings)
                    .unwrap_or_else(|reason| Check::skipped(kind, reason)),
                Err(reason) => Check::skipped(kind, reason.clone()),
            },
        }
    }

    /// Makes a check that is based on the readings.
    fn reading(&self, kind: CheckKind, readings: &Readings) -> Reading<Check> {
        let counters = &readings.counters;
        let sessions = readings.sessions.as_ref().map_err(Cow::clone);
        match kind {
            CheckKind::LongTransactions | CheckKind::IdleInTransaction
                if self.dialect == Dialect::Sqlite =>
            {
                Ok(self.own_transactions(kind))
            }
            CheckKind::Writable => Ok(self.writable(readings.read_only.clone()?)),
            CheckKind::CacheHits => self.cache_hits(counters.cache.clone()?),
            CheckKind::LongTransactions => self.long_transactions(sessions?),
            CheckKind::IdleInTransaction => self.idle_in_transaction(sessions?),
            CheckKind::Blocked => self.blocked(sessions?),
            CheckKind::Deadlocks => self.deadlocks(counters.deadlocks.clone()?),
            CheckKind::Rollbacks => match &counters.ended {
                Ok(ended) => self.rollbacks(*ended),
                Err(_) => Ok(self.own_share(kind, |own| own.ended)),
            },
            CheckKind::ServerConnections => {
                let connections = readings.connections.as_ref().map_err(Cow::clone)?;
                let open_to_us = connections.most.saturating_sub(connections.reserved);
                let share = Share {
                    part: connections.used,
                    whole: open_to_us.max(1),
                };
                let evidence = format!(
                    "{} of {} connections are in use; {} more are reserved",
                    connections.used, open_to_us, connections.reserved
                );
                Ok(self.measured(kind, share.percent().unwrap_or(0.0), vec![evidence]))
            }
            CheckKind::ReplicationLag => Ok(self.lag(readings.lag.as_ref().map_err(Cow::clone)?)),
            CheckKind::TransactionAge => {
                let age = readings.age.as_ref().map_err(Cow::clone)?;
                Ok(self.measured(kind, float(age.transactions), vec![age.evidence.clone()]))
            }
            CheckKind::HistoryLength => {
                Ok(self.measured(kind, float(readings.history_length.clone()?), vec![]))
            }
            CheckKind::WalSize => {
                Ok(self.measured(kind, float(readings.wal_size.clone()?), vec![]))
            }
            CheckKind::Integrity => Ok(match readings.integrity.clone()? {
                None => Check::judged(kind, Status::Healthy),
                Some(broken) => Check {
                    evidence: vec![broken],
                    ..Check::judged(kind, Status::Critical)
                },
            }),
            CheckKind::Connection
            | CheckKind::PoolUsage
            | CheckKind::AverageStatement
            | CheckKind::P99Statement
            | CheckKind::Replicas
            | CheckKind::Busy => Err("it is not read there".into()),
        }
    }

    /// Makes a check of a value against its levels.
    fn measured(&self, kind: CheckKind, number: f64, evidence: Vec<String>) -> Check {
        let (status, threshold) = self.thresholds.judge(kind, number);
        let measure = |number| {
            Some(Measure {
                number,
                unit: kind.unit()?,
            })
        };
        Check {
            value: measure(number),
            threshold: threshold.and_then(measure),
            evidence,
            ..Check::judged(kind, status)
        }
    }

    fn connection(&self) -> Check {
        const KIND: CheckKind = CheckKind::Connection;
        let at_least = |round_trip: &Duration, status, evidence| {
            let mut check = self.measured(KIND, milliseconds(*round_trip), vec![evidence]);
            if check.status() < Some(status) {
                check = Check {
                    value: check.value,
                    evidence: check.evidence,
                    ..Check::judged(KIND, status)
                };
            }
            check
        };
        match &self.collected.contact {
            Contact::Answered(round_trip) => match self.pool.unreachable_for {
                None => self.measured(KIND, milliseconds(*round_trip), vec![]),
                Some(time) => at_least(
                    round_trip,
                    Status::Unhealthy,
                    format!("{}, although `select 1` is answered", unreachable(time)),
                ),
            },
            Contact::Incomplete(round_trip, said) => at_least(
                round_trip,
                Status::Degraded,
                format!("`select 1` is answered, but a diagnostic query failed: {said}"),
            ),
            Contact::Slow(round_trip, had) => at_least(
                round_trip,
                Status::Unhealthy,
                format!(
                    "`select 1` is answered, but the diagnostic queries are not within {had:.1?}"
                ),
            ),
            Contact::Failed(said, advice) => Check {
                evidence: [
                    Some(said.clone()),
                    self.pool.unreachable_for.map(unreachable),
                ]
                .into_iter()
                .flatten()
                .collect(),
                recommendation: advice.or(Some(KIND.row().advice)),
                ..Check::judged(KIND, Status::Critical)
            },
            Contact::Busy(reason) => Check::skipped(KIND, reason.clone()),
        }
    }

    fn writable(&self, read_only: Option<String>) -> Check {
        let status = match read_only {
            Some(_) if !self.only_reads => Status::Unhealthy,
            _ => Status::Healthy,
        };
        Check {
            evidence: read_only.into_iter().collect(),
            ..Check::judged(CheckKind::Writable, status)
        }
    }

    fn pool_usage(&self) -> Check {
        let PoolStatus {
            max_connections,
            limit,
            connections,
            idle,
            waiting,
            holders,
            ..
        } = &self.pool;
        let used = connections.saturating_sub(*idle);
        let share = Share {
            part: used as u64,
            whole: *limit as u64,
        };
        let mut evidence = format!("{used} of {limit} are in use");
        if limit < max_connections {
            let _ = write!(
                evidence,
                " (fewer than {max_connections}: the server has refused more)"
            );
        }
        if !holders.is_empty() {
            let _ = write!(evidence, ", by {}", InWords(holders));
        }
        if *waiting > 0 {
            let _ = write!(evidence, "; {waiting} wait for one");
        }
        if let Some(before) = &self.before {
            let refused = self.own.refused.saturating_sub(before.own.refused);
            if refused > 0 {
                let over = self.since(before);
                let _ = write!(
                    evidence,
                    "; {refused} were refused at once in the last {over:.1?}"
                );
            }
        }
        let percent = share.percent().unwrap_or(0.0);
        if *limit == 1 && *waiting == 0 {
            return Check {
                value: Some(Measure {
                    number: percent,
                    unit: super::kind::Unit::Percent,
                }),
                evidence: vec![evidence],
                ..Check::judged(CheckKind::PoolUsage, Status::Healthy)
            };
        }
        self.measured(CheckKind::PoolUsage, percent, vec![evidence])
    }

    fn statement_time(&self, kind: CheckKind) -> Check {
        let (since, over) = match &self.before {
            Some(before) => (
                self.own.statements.since(&before.own.statements),
                format!("in the last {:.1?}", self.since(before)),
            ),
            None => (self.own.statements.clone(), "so far".to_owned()),
        };
        let count = since.count();
        let took = match kind {
            CheckKind::AverageStatement => since.mean(),
            _ => since.quantile(0.99),
        };
        if count == 0 {
            return Check::skipped(kind, format!("no statement was run {over}"));
        }
        let evidence = format!("statements {over}: {count}");
        self.measured(kind, milliseconds(took), vec![evidence])
    }

    /// Checks the replicas of the factory.
    fn replicas(&self) -> Check {
        const KIND: CheckKind = CheckKind::Replicas;
        let mut longest = None::<f64>;
        let (mut evidence, mut is_sick) = (Vec::new(), false);
        for (number, replica) in self.replicas.iter().enumerate() {
            let seen = see(replica);
            if let Ok((Some(seconds), _)) = &seen {
                longest = Some(longest.map_or(*seconds, |longest| longest.max(*seconds)));
            }
            is_sick |= seen.is_err();
            let (Ok((_, said)) | Err(said)) = seen;
            evidence.push(format!("replica {number} {said}"));
        }
        let check = match longest {
            Some(seconds) => self.measured(KIND, seconds, evidence),
            None => Check {
                evidence,
                ..Check::judged(KIND, Status::Healthy)
            },
        };
        match check.status() {
            Some(Status::Healthy) if is_sick => Check {
                value: check.value,
                evidence: check.evidence,
                ..Check::judged(KIND, Status::Degraded)
            },
            _ => check,
        }
    }

    fn busy(&self) -> Check {
        const KIND: CheckKind = CheckKind::Busy;
        let counted = self.own_share(KIND, |own| own.conflicts);
        let is_locked = matches!(&self.collected.readings, Ok(readings) if readings.is_locked);
        if !is_locked || counted.status() > Some(Status::Degraded) {
            return counted;
        }
        Check {
            value: counted.value,
            evidence: vec!["the whole file is locked: not even reading is possible".to_owned()],
            ..Check::judged(KIND, Status::Unhealthy)
        }
    }

    /// Makes a check of a share of this factory's own counters since the earlier report.
    fn own_share(&self, kind: CheckKind, share: impl Fn(&OwnCounters) -> Share) -> Check {
        let Some(before) = &self.before else {
            return Check::skipped(kind, FIRST);
        };
        // The counters of a factory are never reset.
        let share = share(&self.own)
            .since(share(&before.own))
            .unwrap_or_default();
        self.share(kind, share, before, TELLING_RUNS, "runs of boundaries")
            .unwrap_or_else(|reason| Check::skipped(kind, reason))
    }

    fn share(
        &self,
        kind: CheckKind,
        share: Share,
        before: &Sample,
        telling: u64,
        of_what: &str,
    ) -> Reading<Check> {
        let over = self.since(before);
        let Share { part, whole } = share;
        let percent = match share.percent() {
            Some(percent) if whole >= telling => percent,
            _ => {
                return Err(format!(
                    "{whole} {of_what} in the last {over:.1?} are too few for this check; it needs {telling}"
                )
                .into());
            }
        };
        let evidence = format!("{part} of {whole} {of_what} in the last {over:.1?}");
        Ok(self.measured(kind, percent, vec![evidence]))
    }

    fn since(&self, before: &Sample) -> Duration {
        self.now.saturating_duration_since(before.taken)
    }

    /// Returns the earlier sample and a counter of the server in it.
    fn before<T>(&self, of: impl Fn(&Counters) -> Option<T>) -> Option<(&Sample, T)> {
        let before = self.before.as_ref()?;
        Some((before, of(before.counters.as_ref()?)?))
    }

    fn cache_hits(&self, now: Share) -> Reading<Check> {
        const KIND: CheckKind = CheckKind::CacheHits;
        let before = self.before(|counters| counters.cache.clone().ok());
        if let Some((before, earlier)) = before {
            let since = now.since(earlier).unwrap_or(now);
            return self.share(KIND, since, before, TELLING_READS, "reads");
        }
        let Share { part, whole } = now;
        match now.percent() {
            Some(percent) if whole >= TELLING_READS => {
                let evidence = format!(
                    "{part} of {whole} reads since the counters of the server were reset; later reports cover the time between reports"
                );
                Ok(self.measured(KIND, percent, vec![evidence]))
            }
            _ => Err(
                format!("{whole} reads are too few for this check; it needs {TELLING_READS}")
                    .into(),
            ),
        }
    }

    fn deadlocks(&self, now: u64) -> Reading<Check> {
        let Some((before, earlier)) = self.before(|counters| counters.deadlocks.clone().ok())
        else {
            return Err(FIRST.into());
        };
        let over = self.since(before);
        let count = now.saturating_sub(earlier);
        let minutes = over.max(MINUTE).as_secs_f64() / MINUTE.as_secs_f64();
        let evidence = format!("{count} in the last {over:.1?}");
        Ok(self.measured(CheckKind::Deadlocks, float(count) / minutes, vec![evidence]))
    }

    fn rollbacks(&self, now: Share) -> Reading<Check> {
        let Some((before, earlier)) = self.before(|counters| counters.ended.clone().ok()) else {
            return Err(FIRST.into());
        };
        let since = now.since(earlier).unwrap_or_default();
        self.share(
            CheckKind::Rollbacks,
            since,
            before,
            TELLING_RUNS,
            "transactions",
        )
    }

    fn lag(&self, lag: &Lag) -> Check {
        const KIND: CheckKind = CheckKind::ReplicationLag;
        let evidence = vec![lag.evidence.clone()];
        match lag.seconds {
            Some(seconds) => self.measured(KIND, seconds, evidence),
            None => Check {
                evidence,
                ..Check::judged(KIND, Status::Unhealthy)
            },
        }
    }

    /// Makes a check of sessions. If some sessions could not be read, the check can fail but not pass: it is skipped instead.
    fn of_sessions(
        &self,
        kind: CheckKind,
        seconds: Option<f64>,
        sessions: &Sessions,
        evidence: Vec<String>,
    ) -> Reading<Check> {
        let check = self.measured(kind, seconds.unwrap_or(0.0), evidence);
        match (&sessions.hidden, check.status()) {
            (Some(hidden), Some(Status::Healthy)) => Err(hidden.clone()),
            _ => Ok(check),
        }
    }

    fn long_transactions(&self, sessions: &Sessions) -> Reading<Check> {
        const KIND: CheckKind = CheckKind::LongTransactions;
        let mut oldest: Vec<_> = sessions.shown.iter().collect();
        oldest.sort_by(|a, b| b.open_for.total_cmp(&a.open_for));
        let evidence = oldest
            .into_iter()
            .filter(|session| self.is_sick(KIND, session.open_for))
            .take(SHOWN)
            .map(|session| {
                let who = self.who(session);
                format!("{who}: open for {:.1} s", session.open_for)
            })
            .collect();
        self.of_sessions(KIND, sessions.longest_open, sessions, evidence)
    }

    /// Checks the open boundaries of this factory, since SQLite has no view of the sessions on a file.
    fn own_transactions(&self, kind: CheckKind) -> Check {
        let seconds = |open: &OpenBoundary| {
            let since = match kind {
                CheckKind::IdleInTransaction => open.idle_for,
                // The transaction begins with the first statement.
                _ => open.statement.is_some().then_some(open.open_for),
            };
            since.map(|since| since.as_secs_f64())
        };
        let mut longest: Vec<_> = self
            .open
            .iter()
            .filter_map(|open| Some((seconds(open)?, open)))
            .collect();
        longest.sort_by(|a, b| b.0.total_cmp(&a.0));
        let evidence = longest
            .iter()
            .filter(|(seconds, _)| self.is_sick(kind, *seconds))
            .take(SHOWN)
            .map(|(seconds, open)| {
                let service = open.service.map(|service| format!(", in {service}"));
                let statement = open.statement.as_deref().unwrap_or_default();
                let (name, service) = (open.boundary, service.unwrap_or_default());
                format!("{name}{service}, at `{statement}`: for {seconds:.1} s")
            })
            .collect();
        let longest = longest.first().map_or(0.0, |(seconds, _)| *seconds);
        self.measured(kind, longest, evidence)
    }

    fn idle_in_transaction(&self, sessions: &Sessions) -> Reading<Check> {
        const KIND: CheckKind = CheckKind::IdleInTransaction;
        let mut idle: Vec<_> = sessions
            .shown
            .iter()
            .filter_map(|session| Some((session.idle_for?, session)))
            .collect();
        idle.sort_by(|a, b| b.0.total_cmp(&a.0));
        let evidence = idle
            .into_iter()
            .filter(|(idle_for, _)| self.is_sick(KIND, *idle_for))
            .take(SHOWN)
            .map(|(idle_for, session)| {
                format!(
                    "{}: idle in its transaction for {idle_for:.1} s",
                    self.who(session)
                )
            })
            .collect();
        self.of_sessions(KIND, sessions.longest_idle, sessions, evidence)
    }

    fn blocked(&self, sessions: &Sessions) -> Reading<Check> {
        const KIND: CheckKind = CheckKind::Blocked;
        let mut waiting: Vec<_> = sessions
            .shown
            .iter()
            .filter_map(|session| Some((session.waits_for?, session)))
            .collect();
        waiting.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut evidence: Vec<_> = waiting
            .iter()
            .take(SHOWN)
            .map(|(waits_for, session)| {
                let mut line = format!("{} waits for {waits_for:.1} s", self.who(session));
                for (n, blocker) in session.blockers.iter().take(SHOWN).enumerate() {
                    let before = if n == 0 { " on " } else { ", and on " };
                    let _ = write!(line, "{before}{}", self.who_is(*blocker, sessions));
                }
                line
            })
            .collect();
        if sessions.waiting > SHOWN as u64 {
            evidence.push(format!("{} wait in all", sessions.waiting));
        }
        self.of_sessions(KIND, sessions.longest_wait, sessions, evidence)
    }

    fn is_sick(&self, kind: CheckKind, value: f64) -> bool {
        self.thresholds.judge(kind, value).0 > Status::Healthy
    }

    /// Describes a session: the boundary, if it belongs to this factory, and the statement.
    fn who(&self, session: &Session) -> String {
        let mut who = self.name(session.process);
        if !self.is_ours(session.process) && !session.application.is_empty() {
            let _ = write!(who, " (application `{}`)", session.application);
        }
        if !session.statement.is_empty() {
            let statement = shown_within(&session.statement, self.dialect, LONGEST);
            let tense = match session.idle_for {
                Some(_) => "last at",
                None => "at",
            };
            let _ = write!(who, ", {tense} `{statement}`");
        }
        who
    }

    fn who_is(&self, process: u64, sessions: &Sessions) -> String {
        let seen = sessions.shown.iter().find(|s| s.process == process);
        seen.map_or_else(|| self.name(process), |session| self.who(session))
    }

    fn is_ours(&self, process: u64) -> bool {
        self.boundary_of(process).is_some()
    }

    /// Returns the boundary of this factory that runs in the session. Sessions on replicas have numbers of their own.
    fn boundary_of(&self, process: u64) -> Option<&OpenBoundary> {
        let mut open = self.open.iter().filter(|open| open.replica.is_none());
        open.find(|open| open.process == Some(process))
    }

    fn name(&self, process: u64) -> String {
        match self.boundary_of(process) {
            Some(open) => {
                let mut name = format!("{} as session {process}", open.boundary);
                if let Some(service) = open.service {
                    let _ = write!(name, ", in {service}");
                }
                name
            }
            None => format!("session {process}"),
        }
    }
}

/// The evidence that the pool has refused boundaries for so long.
fn unreachable(time: Duration) -> String {
    format!(
        "the pool has not been able to open a connection for {time:.1?}, and refuses boundaries at once"
    )
}

/// Returns the lag of a replica in seconds, if it can be read, and the replica's state in words. `Err` if somebody should
/// look at it.
fn see(replica: &Collected) -> Result<(Option<f64>, String), String> {
    if let Contact::Failed(said, advice) = &replica.contact {
        let advice = advice.map(|advice| format!("; {advice}"));
        return Err(format!(
            "cannot be reached: {said}{}",
            advice.unwrap_or_default()
        ));
    }
    let readings = replica.readings.as_ref();
    let readings = readings.map_err(|reason| format!("answers, and no more: {reason}"))?;
    if let Ok(false) = readings.is_replica {
        return Err("follows no other server, and accepts writes".to_owned());
    }
    match &readings.lag {
        Ok(Lag {
            seconds: Some(seconds),
            evidence,
        }) => Ok((
            Some(*seconds),
            format!("is {seconds:.1} s behind: {evidence}"),
        )),
        Ok(Lag {
            seconds: None,
            evidence,
        }) => Err(format!("has a lag that is not known: {evidence}")),
        Err(reason) => Ok((None, format!("can be read; its lag cannot: {reason}"))),
    }
}

const FIRST: &str =
    "this is the first report of the factory, with none to compare it with; the next one has it";

const MINUTE: Duration = Duration::from_secs(60);

/// Whether the counters were reset in between, by a restart of the server or of its statistics.
fn is_behind(now: &Counters, before: &Counters) -> bool {
    let fell = |now: &Reading<Share>, before: &Reading<Share>| match (now, before) {
        (Ok(now), Ok(before)) => now.since(*before).is_none(),
        _ => false,
    };
    let deadlocks = match (&now.deadlocks, &before.deadlocks) {
        (Ok(now), Ok(before)) => now < before,
        _ => false,
    };
    deadlocks || fell(&now.cache, &before.cache) || fell(&now.ended, &before.ended)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[allow(
    clippy::cast_precision_loss,
    reason = "nothing that is counted here comes near 2^52"
)]
fn float(count: u64) -> f64 {
    count as f64
}
