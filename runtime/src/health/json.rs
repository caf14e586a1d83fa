//! Health reports as `application/health+json`.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value, json};

use super::report::{Check, HealthReport, Outcome, Status};

impl Status {
    /// Returns the status of `application/health+json`: `pass` for healthy, `warn` for degraded, `fail` for the rest.
    pub fn as_health_json(self) -> &'static str {
        match self {
            Self::Healthy => "pass",
            Self::Degraded => "warn",
            Self::Unhealthy | Self::Critical => "fail",
        }
    }
}

impl HealthReport {
    /// The report as `application/health+json`, the Internet draft
    /// [draft-inadarei-api-health-check-06](https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06),
    /// fit for the public: it has statuses, values, thresholds and recommendations, and does not name a database, a
    /// statement, a program or a host.
    ///
    /// It has members that the draft does not define: `level` (`HEALTHY` to `CRITICAL`), `threshold`, `recommendation`
    /// and, in place of a status, `skipped`.
    ///
    /// ```
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example() -> Result<(), demarcate::Error> {
    /// # let db = demarcate::sqlite::SessionFactory::connect("sqlite::memory:").await?;
    /// let json = db.health().await.to_json();
    /// assert_eq!(json["status"], "pass");
    /// assert_eq!(json["checks"]["sqlite:pool_usage"][0]["observedUnit"], "%");
    /// # Ok(()) }
    /// # #[cfg(feature = "sqlite")]
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
    /// ```
    pub fn to_json(&self) -> Value {
        self.json(false)
    }

    /// Returns the report with the [evidence](Check::evidence), as `output`: for the operators of the database.
    pub fn to_json_with_evidence(&self) -> Value {
        self.json(true)
    }

    pub(super) fn json(&self, with_evidence: bool) -> Value {
        let time = rfc3339(self.checked_at);
        // The name of the server is not used, since it is not known while the server is down.
        let component = self.database.to_lowercase();
        let checks = self.checks.iter().map(|check| {
            let name = format!("{component}:{}", check.kind);
            (name, json!([of(check, &component, &time, with_evidence)]))
        });
        json!({
            "status": self.status.as_health_json(),
            "level": self.status.to_string(),
            "description": "health of the database",
            "time": time,
            "checks": checks.collect::<Map<_, _>>(),
        })
    }
}

fn of(check: &Check, component: &str, time: &str, with_evidence: bool) -> Value {
    let mut json = Map::new();
    let mut set = |name: &str, value: Value| json.insert(name.to_owned(), value);
    set("componentId", component.into());
    set("componentType", "datastore".into());
    set("time", time.into());
    match &check.outcome {
        Outcome::Judged(status) => {
            set("status", status.as_health_json().into());
            set("level", status.to_string().into());
        }
        // An owned reason may quote the database or the operating system; a static one is written in this crate.
        Outcome::Skipped(reason) => {
            let reason = match reason {
                Cow::Borrowed(reason) => reason,
                Cow::Owned(reason) if with_evidence => reason.as_str(),
                Cow::Owned(_) => "it could not be checked",
            };
            set("skipped", reason.into());
        }
    }
    if let Some(value) = check.value {
        set("observedValue", value.number.into());
        set("observedUnit", value.unit.to_string().into());
    }
    if let Some(threshold) = check.threshold {
        set("threshold", threshold.number.into());
    }
    if let Some(recommendation) = check.recommendation {
        set("recommendation", recommendation.into());
    }
    if with_evidence && !check.evidence.is_empty() {
        set("output", check.evidence.join("\n").into());
    }
    Value::Object(json)
}

/// Formats a time as `2026-02-28T23:59:59Z`.
///
/// The date is computed as in <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>, with
/// years that begin in March, so that a leap day is the last day of its year.
fn rfc3339(time: SystemTime) -> String {
    const DAY: u64 = 24 * 60 * 60;
    const ERA: u64 = 146_097;
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.unwrap_or(Duration::ZERO).as_secs();
    let (days, second) = (seconds / DAY + 719_468, seconds % DAY);
    let (era, day_of_era) = (days / ERA, days % ERA);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{CheckKind, Measure, Unit};

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(rfc3339(time), expected);
        }
    }

    #[test]
    fn evidence_is_shown_to_whom_it_is_for() {
        let checks = vec![
            Check {
                evidence: vec!["session 12 (application `psql`), at `select ?`".into()],
                value: Some(Measure {
                    number: 61.0,
                    unit: Unit::Seconds,
                }),
                ..Check::judged(CheckKind::LongTransactions, Status::Degraded)
            },
            Check::skipped(CheckKind::Blocked, "no right".to_owned()),
            Check::judged(CheckKind::Connection, Status::Healthy),
        ];
        let report = HealthReport::of(
            "PostgreSQL",
            "PostgreSQL 15.8".into(),
            checks,
            SystemTime::UNIX_EPOCH,
            Duration::ZERO,
        );
        let public = report.to_json();
        assert_eq!(public["status"], "warn");
        let long = &public["checks"]["postgresql:long_transactions"][0];
        assert_eq!(
            (&long["status"], &long["observedValue"]),
            (&json!("warn"), &json!(61.0))
        );
        let said = public.to_string();
        assert!(
            !said.contains("psql") && !said.contains("no right"),
            "{said}"
        );
        let skipped = &public["checks"]["postgresql:blocked"][0];
        assert!(skipped.get("status").is_none() && skipped.get("skipped").is_some());
        let all = report.to_json_with_evidence().to_string();
        assert!(all.contains("psql") && all.contains("no right"), "{all}");
    }
}
