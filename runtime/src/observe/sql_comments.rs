//! Comments appended to statements, so that the server's own views and logs show which handler sent them.

use std::borrow::Cow;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::scope::activity::Activity;

/// The characters that are percent-encoded in a value: all but the unreserved ones of
/// [RFC 3986](https://www.rfc-editor.org/rfc/rfc3986#section-2.3).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Appends a comment to each statement that names the sender, in the format of
/// [sqlcommenter](https://google.github.io/sqlcommenter/spec/):
/// `select .. /*application='shop',boundary='post_order',service='create_order'*/`.
///
/// `pg_stat_activity`, the process list of MySQL, the slow log and the error log show the comment. A statement that
/// already contains a comment is sent unchanged, as the specification requires.
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
/// The comment is part of the text by which prepared statements are cached. A statement is therefore prepared once on
/// each connection for each boundary and service that sends it. sqlx caches 100 texts (`statement_cache_capacity`).
#[derive(Clone, Debug, Default)]
pub struct SqlComments {
    application: Option<Cow<'static, str>>,
    traceparent: Option<fn() -> Option<String>>,
}

impl SqlComments {
    /// Creates comments that name the boundary and the innermost service.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the program's name.
    #[must_use]
    pub fn application(mut self, application: impl Into<Cow<'static, str>>) -> Self {
        self.application = Some(application.into());
        self
    }

    /// Adds the trace to which the statement belongs. The function is called before each statement, inside the span of
    /// its boundary, and returns a [`traceparent`](https://www.w3.org/TR/trace-context/#traceparent-header), such as
    /// `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01`, or `None`.
    ///
    /// With a `traceparent` every statement has a different text. It is sent unnamed, so that it does not fill the
    /// caches, and is prepared each time, which costs one more round trip on PostgreSQL and MySQL. Return one only for
    /// traces that are sampled.
    #[must_use]
    pub fn traceparent(mut self, traceparent: fn() -> Option<String>) -> Self {
        self.traceparent = Some(traceparent);
        self
    }

    /// Returns the comment for the next statement.
    pub(crate) fn next(&self, activity: &Activity) -> Comment {
        let traceparent = self.traceparent.and_then(|traceparent| traceparent());
        let service = activity.service();
        // Sorted by key, as the specification requires.
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

/// The comment to append to one statement.
pub(crate) struct Comment {
    pub(crate) text: String,
    /// Whether the comment differs for each statement, so that caching the text is of no use.
    pub(crate) is_unique: bool,
}
