//! The statement log: one event for each statement, with its boundary, duration and result.

use std::time::Instant;

use demarcate_sql::Dialect;
use tracing::field;

use crate::scope::activity::Activity;
use crate::scope::site::Site;
use crate::scope::sql_text::shown;
use crate::targets;

/// A statement that is logged when this is dropped: after its answer, after an error, or when its future was dropped.
pub(crate) struct LoggedStatement {
    /// The text, with its literals masked.
    text: String,
    boundary: Site,
    service: Option<Site>,
    sent: Instant,
    pub(crate) affected: u64,
    pub(crate) returned: u64,
    end: End,
}

/// How the statement ended.
enum End {
    Answered,
    /// Holds the code of the error only, since its message may contain values.
    Failed(String),
    Dropped,
}

impl LoggedStatement {
    /// Creates the entry of a statement that is about to be sent.
    pub(crate) fn new(sql: &str, dialect: Dialect, activity: &Activity) -> Box<Self> {
        Box::new(Self {
            text: shown(sql, dialect),
            boundary: activity.site(),
            service: activity.service(),
            sent: Instant::now(),
            affected: 0,
            returned: 0,
            end: End::Dropped,
        })
    }

    pub(crate) fn answered(&mut self) {
        self.end = End::Answered;
    }

    pub(crate) fn failed(&mut self, error: &sqlx::Error) {
        let code = error.as_database_error().and_then(|error| error.code());
        self.end = End::Failed(match code {
            Some(code) => code.into_owned(),
            None => "not of the database".to_owned(),
        });
    }
}

impl Drop for LoggedStatement {
    fn drop(&mut self) {
        let failed = match &self.end {
            End::Answered => None,
            End::Failed(code) => Some(code.as_str()),
            End::Dropped => Some("dropped"),
        };
        tracing::info!(
            target: targets::SQL,
            boundary = %self.boundary,
            service = self.service.map(field::display),
            duration = ?self.sent.elapsed(),
            affected = self.affected,
            returned = self.returned,
            failed,
            "{}",
            self.text,
        );
    }
}
