//! Copies an error of sqlx, which is not `Clone`, with everything that classification needs.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::{fmt, io};

use sqlx::error::{DatabaseError, ErrorKind};

use super::envelope::{Classified, Envelope};
use super::origin::{Kept, Origin};

/// Copies an error. The original belongs to the body that met it.
pub(crate) fn copy_of(error: &sqlx::Error) -> sqlx::Error {
    use sqlx::Error as E;
    match error {
        E::Database(error) => E::Database(Box::new(Snapshot::of(&**error))),
        E::Io(error) => E::Io(io::Error::new(error.kind(), error.to_string())),
        E::Protocol(message) => E::Protocol(message.clone()),
        E::Tls(error) => E::Tls(error.to_string().into()),
        E::Configuration(error) => E::Configuration(error.to_string().into()),
        E::WorkerCrashed => E::WorkerCrashed,
        E::PoolClosed => E::PoolClosed,
        E::PoolTimedOut => E::PoolTimedOut,
        other => E::Protocol(other.to_string()),
    }
}

/// Returns the text of an error. A database's own message is introduced as such; the message of a carried error, or of
/// a copy of one, stands alone. The word of a syntax error is shown if it stands in `statement`.
pub(crate) fn text_of(error: &sqlx::Error, statement: Option<&str>) -> String {
    let sqlx::Error::Database(error) = error else {
        return error.to_string();
    };
    let introduction = match is_carried(&**error) {
        true => "",
        false => "error returned from database: ",
    };
    format!("{introduction}{}", Origin::of(&**error).text_in(statement))
}

/// Whether the error is an [`Envelope`], or a copy of one.
fn is_carried(error: &dyn DatabaseError) -> bool {
    let snapshot = error.try_downcast_ref::<Snapshot>();
    snapshot.is_some_and(|snapshot| snapshot.is_carried) || Envelope::peek(error).is_some()
}

/// A copy of a database's error: what sqlx's trait shows of it, and its classification.
#[derive(Debug)]
pub(crate) struct Snapshot {
    text: String,
    /// Whether the original was an [`Envelope`].
    is_carried: bool,
    message: String,
    pub(super) code: Option<String>,
    constraint: Option<String>,
    table: Option<String>,
    kind: ErrorKind,
    pub(super) kept: Kept,
}

impl Snapshot {
    fn of(error: &dyn DatabaseError) -> Self {
        let carried = Envelope::peek(error);
        Self {
            // A carried error leaves its boundary out: the copy is shown with the same one.
            text: carried.map_or_else(|| Origin::of(error).text().into_owned(), Classified::line),
            is_carried: is_carried(error),
            message: error.message().to_owned(),
            code: error.code().map(Cow::into_owned),
            constraint: error.constraint().map(str::to_owned),
            table: error.table().map(str::to_owned),
            kind: error.kind(),
            kept: Kept::of(error),
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Snapshot {}

impl DatabaseError for Snapshot {
    fn message(&self) -> &str {
        &self.message
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.code.as_deref().map(Cow::Borrowed)
    }

    fn as_error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn StdError + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn StdError + Send + Sync + 'static> {
        self
    }

    fn constraint(&self) -> Option<&str> {
        self.constraint.as_deref()
    }

    fn table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    fn kind(&self) -> ErrorKind {
        match self.kind {
            ErrorKind::UniqueViolation => ErrorKind::UniqueViolation,
            ErrorKind::ForeignKeyViolation => ErrorKind::ForeignKeyViolation,
            ErrorKind::NotNullViolation => ErrorKind::NotNullViolation,
            ErrorKind::CheckViolation => ErrorKind::CheckViolation,
            ErrorKind::ExclusionViolation => ErrorKind::ExclusionViolation,
            _ => ErrorKind::Other,
        }
    }
}
