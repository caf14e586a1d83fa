//! Comments on statements, by which the server's own views name the handler that sent them.

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::scope::activity::Activity;

/// What a value is written without: all but the unreserved characters of
/// [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A comment at the end of each statement that says who sent it, in the form of
/// [sqlcommenter](https://google.github.io/sqlcommenter/spec/):
/// `select .. /*application='shop',boundary='post_order',service='create_order'*/`.
///
/// `pg_stat_activity`, the process list of MySQL, the slow log and the log of errors show it. A text that has a comment
/// already stays as it is, as the specification asks.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use demarcate::SqlComments;
/// use demarcate::sqlite::SessionFactory;
///
/// let db = SessionFactory::builder()
///     .url("sqlite::memory:")
///     .sql_comments(SqlComments::new().application("shop"));
/// # let _ = db;
/// # }
/// ```
///
/// A text is prepared once on each connection for each boundary and service that sends it, since with its comment it is
/// another text; sqlx keeps 100 of them (`statement_cache_capacity`).
#[derive(Clone, Debug, Default)]
pub struct SqlComments {
    application: Option<Cow<'static, str>>,
    traceparent: Option<fn() -> Option<String>>,
}

impl SqlComments {
    /// The boundary, and the innermost service.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The program's name, too.
    #[must_use]
    pub fn application(mut self, application: impl Into<Cow<'static, str>>) -> Self {
        self.application = Some(application.into());
        self
    }

    /// The trace that the statement belongs to, too: the function is asked before each statement, inside the span of
    /// its boundary, and gives a [`traceparent`](https://www.w3.org/TR/trace-context/#traceparent-header), such as
    /// `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`, or nothing.
    ///
    /// A statement with one is never the same text twice. It is sent unnamed, so that it fills no cache, and is
    /// prepared anew each time: one round trip more on PostgreSQL and MySQL. Give one where a trace is sampled.
    #[must_use]
    pub fn traceparent(mut self, traceparent: fn() -> Option<String>) -> Self {
        self.traceparent = Some(traceparent);
        self
    }

    /// The comment for the next statement.
    pub(crate) fn next(&self, activity: &Activity) -> Comment {
        let traceparent = self.traceparent.and_then(|traceparent| traceparent());
        let service = activity.service();
        // Sorted, as the specification asks.
        let pairs = [
            ("application", self.application.as_deref()),
            ("boundary", Some(activity.site().name())),
            ("service", service.as_ref().map(|service| service.name())),
            ("traceparent", traceparent.as_deref()),
        ];
        let mut text = String::from(" /*");
        for (key, value) in pairs {
            if let Some(value) = value {
                let comma = if text.ends_with('*') { "" } else { "," };
                let value = utf8_percent_encode(value, ENCODED);
                // Writing to a `String` cannot fail.
                let _ = write!(text, "{comma}{key}='{value}'");
            }
        }
        text.push_str("*/");
        Comment {
            text,
            is_unique: traceparent.is_some(),
        }
    }
}

/// What is put behind one statement.
pub(crate) struct Comment {
    pub(crate) text: String,
    /// No other statement has the same.
    pub(crate) is_unique: bool,
}
