//! Statements in the log.

use std::fmt::Write as _;

use demarcate_sql::{Dialect, masked};
use sqlx::Either;
use tokio::time::Instant;

use crate::backend::{Backend, Step};
use crate::site::Site;

/// How long a text is shown, in bytes.
const LONGEST: usize = 1_000;

/// A statement that is logged when it is over, whichever way: answered, failed, or dropped before that.
pub(crate) struct Echo {
    /// Without the values that are written in it.
    text: String,
    boundary: Site,
    sent: Instant,
    affected: u64,
    returned: u64,
    end: End,
}

enum End {
    Answered,
    /// The code of the error. Its text may hold values.
    Failed(String),
    Dropped,
}

impl Echo {
    /// Of a statement that is about to be sent.
    pub(crate) fn new(sql: &str, dialect: Dialect, boundary: Site) -> Box<Self> {
        let mut text = String::new();
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{}", masked(sql, dialect));
        if text.len() > LONGEST {
            text.truncate(text.floor_char_boundary(LONGEST));
            text.push('…');
        }
        Box::new(Self {
            text,
            boundary,
            sent: Instant::now(),
            affected: 0,
            returned: 0,
            end: End::Dropped,
        })
    }

    pub(crate) fn count<DB: Backend>(&mut self, step: &Step<DB>) {
        match step {
            Either::Left(result) => self.affected += DB::affected(result),
            Either::Right(_) => self.returned += 1,
        }
    }

    pub(crate) fn answered(&mut self, returned: u64) {
        self.returned += returned;
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

impl Drop for Echo {
    fn drop(&mut self) {
        let failed = match &self.end {
            End::Answered => None,
            End::Failed(code) => Some(code.as_str()),
            End::Dropped => Some("dropped"),
        };
        tracing::info!(
            target: "demarcate::sql",
            boundary = %self.boundary,
            duration = ?self.sent.elapsed(),
            affected = self.affected,
            returned = self.returned,
            failed,
            "{}",
            self.text,
        );
    }
}
