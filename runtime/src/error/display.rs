//! Formats an [`Error`]: one line with `{}`, all that is known with `{:#}`, and `Debug` without secrets.

use std::error::Error as StdError;
use std::fmt::{self, Write};

use super::Error;
use crate::classify::{Redacted, RedactedIn};
use crate::scope::holder::InWords;
use crate::util::redact::redact;

impl fmt::Display for Error {
    /// Writes one line; `{:#}` adds everything else that is known, in further lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_line(&mut OneLine(f))?;
        if f.alternate() {
            self.write_rest(f)?;
        }
        Ok(())
    }
}

impl Error {
    fn write_line(&self, f: &mut impl Write) -> fmt::Result {
        if let Some(boundary) = self.boundary() {
            write!(f, "{boundary}: ")?;
        }
        self.write_message(f)
    }

    /// Returns the line without the boundary.
    pub(crate) fn message_line(&self) -> String {
        let mut line = String::new();
        // Writing to a `String` cannot fail.
        let _ = self.write_message(&mut line);
        line
    }

    fn write_message(&self, f: &mut impl Write) -> fmt::Result {
        match self {
            Self::Database { place, source } => {
                write!(f, "{}", RedactedIn(source, place.statement()))?;
                match (self.writes_in_read_only(), place.in_the_way()) {
                    (true, _) => f.write_str(READ_ONLY),
                    (false, Some(holders)) => write!(
                        f,
                        "; the file is locked by {holders}; write `read_only` where a boundary only reads, and do less \
                         in one that writes"
                    ),
                    (false, None) if self.classification().runs_outside_only() => {
                        f.write_str(OUTSIDE_ONLY)
                    }
                    (false, None) => Ok(()),
                }
            }
            Self::Aborted { place, source } if is_ended_by_others(source) => write!(
                f,
                "{}; what was sent before that may be committed: leave `COMMIT` and `ROLLBACK` out of what runs there",
                RedactedIn(source, place.statement())
            ),
            Self::Aborted { place, source } => {
                write!(
                    f,
                    "rolled back: {}{}",
                    match source {
                        // Dropped statements.
                        sqlx::Error::Protocol(_) => "",
                        _ => "a statement failed and the body continued: ",
                    },
                    RedactedIn(source, place.statement())
                )?;
                f.write_str(match (self.writes_in_read_only(), source) {
                    (true, _) => READ_ONLY,
                    (false, sqlx::Error::Protocol(_)) => {
                        "; await each statement to its end, and limit its time with `statement_timeout`"
                    }
                    (false, _) => {
                        "; return the error with `?`, or run what may fail in `tx.savepoint(..)`"
                    }
                })
            }
            Self::RollbackOnly { reason, .. } => write!(f, "rolled back: {reason}"),
            Self::BeforeCommit { source, .. } => write!(
                f,
                "rolled back: refused before the commit: {}",
                redact(&source.to_string())
            ),
            Self::RequirementNotMet { service, needs, .. } => write!(f, "{service} needs {needs}"),
            Self::Forbidden {
                rule,
                statement,
                reason,
                ..
            } => write!(
                f,
                "{rule}: `{statement}` was refused before it was sent: {reason}"
            ),
            Self::CommitUnknown { source, .. } => write!(
                f,
                "the outcome of the commit is not known: {}; check whether it was saved before you run it again",
                Redacted(source)
            ),
            Self::Timeout { after, .. } => write!(
                f,
                "rolled back: not done within {after:?}; do less in the boundary, or raise `timeout`"
            ),
            Self::StatementTimeout { after, .. } => {
                write!(
                    f,
                    "rolled back: a statement was not done within {after:?}; check what it waits for, or raise \
                     `statement_timeout`"
                )
            }
            Self::PoolTimeout {
                after,
                size,
                holders,
                ..
            } => write!(
                f,
                "no connection became free within {after:?}: all {size} are in use, by {}{EXHAUSTED}",
                InWords(holders)
            ),
            Self::Overloaded {
                waiting,
                size,
                wait,
                ..
            } => {
                write!(
                    f,
                    "refused at once: {waiting} wait already for one of {size} connections"
                )?;
                if let Some((expected, left)) = wait {
                    write!(
                        f,
                        ", which takes about {expected:.1?}, and {left:.1?} are left"
                    )?;
                }
                f.write_str(EXHAUSTED)?;
                f.write_str(match wait {
                    Some(_) => "",
                    None => " or `max_waiting`",
                })
            }
            Self::Connect { source, advice, .. } => write!(
                f,
                "cannot connect to the database: {}; {advice}",
                Redacted(source)
            ),
            Self::Migration { source, advice, .. } => write!(
                f,
                "the database was not migrated: {}; {advice}",
                Redacted(source)
            ),
            Self::NestedBoundary { outer, .. } => write!(
                f,
                "a boundary cannot be opened inside {outer}, whose task already holds a connection of this pool; \
                 lend the outer session to a service, or ask for a second transaction with `independent`"
            ),
            Self::Unsupported {
                database,
                option,
                instead,
                ..
            } => write!(f, "{database} has no {option}; {instead}"),
            Self::Config { message, .. } => f.write_str(message),
            Self::Application { message, .. } => f.write_str(&redact(message)),
            Self::Closed { .. } => f.write_str("the session factory is closed"),
        }
    }

    /// Whether the database refused to write because the boundary is read-only.
    fn writes_in_read_only(&self) -> bool {
        self.place().is_read_only() && self.classification().refuses_write()
    }

    fn write_rest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (place, found) = (self.place(), self.classification());
        if let Some(service) = place.service() {
            write!(f, "\n    in: {service}")?;
        }
        if let Some(statement) = place.statement() {
            write!(f, "\n    statement: {}", redact(statement))?;
        }
        if let Some(detail) = found.detail() {
            write!(f, "\n    detail: {}", redact(&detail))?;
        }
        if let Some(hint) = found.hint() {
            write!(f, "\n    hint: {}", redact(hint))?;
        }
        // Errors of this crate need no category: the first line is more exact.
        if self.sqlx_error().is_some() {
            write!(f, "\n    meaning: {}", found.category)?;
        }
        if let Some(sqlstate) = found.sqlstate {
            write!(f, ", SQLSTATE {sqlstate}")?;
        }
        if let Some(transaction) = place.transaction() {
            write!(f, "\n    transaction: {transaction}")?;
        }
        if let Some(run) = place.run() {
            write!(f, ", run {run}")?;
        }
        Ok(())
    }

    /// The name of the variant.
    const fn variant(&self) -> &'static str {
        match self {
            Self::Database { .. } => "Database",
            Self::Aborted { .. } => "Aborted",
            Self::RollbackOnly { .. } => "RollbackOnly",
            Self::BeforeCommit { .. } => "BeforeCommit",
            Self::RequirementNotMet { .. } => "RequirementNotMet",
            Self::Forbidden { .. } => "Forbidden",
            Self::CommitUnknown { .. } => "CommitUnknown",
            Self::Timeout { .. } => "Timeout",
            Self::StatementTimeout { .. } => "StatementTimeout",
            Self::PoolTimeout { .. } => "PoolTimeout",
            Self::Overloaded { .. } => "Overloaded",
            Self::Connect { .. } => "Connect",
            Self::Migration { .. } => "Migration",
            Self::NestedBoundary { .. } => "NestedBoundary",
            Self::Unsupported { .. } => "Unsupported",
            Self::Config { .. } => "Config",
            Self::Application { .. } => "Application",
            Self::Closed { .. } => "Closed",
        }
    }

    /// The `sqlx::Error` in the variant, if it has one.
    fn sqlx_error(&self) -> Option<&sqlx::Error> {
        match self {
            Self::Database { source, .. }
            | Self::Aborted { source, .. }
            | Self::CommitUnknown { source, .. }
            | Self::Connect { source, .. }
            | Self::Migration { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// The beginning of the error of a transaction that did not end with its boundary.
pub(crate) const ENDED_BY_OTHERS: &str =
    "the transaction was ended by a procedure or on the raw connection";

/// Whether somebody else has ended the transaction, in whichever way.
fn is_ended_by_others(source: &sqlx::Error) -> bool {
    matches!(source, sqlx::Error::Protocol(text) if text.starts_with(ENDED_BY_OTHERS))
}

/// The advice for a statement that writes in a read-only boundary.
const READ_ONLY: &str =
    "; the boundary is `read_only`: remove that option, or do not call a service that writes";

/// The advice where no connection is free.
const EXHAUSTED: &str = "; look for a boundary that waits for something else than the database, or raise `max_connections`";

/// The advice for a statement that the database does not run inside a transaction.
const OUTSIDE_ONLY: &str = "; `db.connection(..)` lends a connection outside any transaction";

impl StdError for Error {
    /// Returns the error of the database or the hook. `Display` includes its text, as sqlx's own errors do, so that one
    /// log line is complete.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::BeforeCommit { source, .. } => Some(&**source),
            other => Some(other.sqlx_error()?),
        }
    }
}

impl fmt::Debug for Error {
    /// Writes what `{:#}` writes, advice included, and the name of the variant: this is printed by a `main` that returns
    /// the error, and by a panic on `unwrap`. `{:#?}` writes the parts, and the database's whole error without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write!(f, "{self:#}\n    variant: {}", self.variant());
        }
        let mut parts = f.debug_struct(self.variant());
        parts.field("place", self.place());
        match self.sqlx_error() {
            Some(source) => parts.field("source", &Redacted(source)),
            None => parts.field("message", &format_args!("{}", self.message_line())),
        };
        parts.finish()
    }
}

/// Replaces the line breaks in a server's message with spaces.
struct OneLine<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (n, line) in text.split(['\n', '\r']).enumerate() {
            if n > 0 {
                self.0.write_char(' ')?;
            }
            self.0.write_str(line)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a `main` that returns the error prints it.
    #[test]
    fn debug_has_the_advice_and_the_variant_and_no_secret() {
        let refused = || {
            let url = "could not connect to \"postgres://me:hunter2@db\"".to_owned();
            Error::connect(sqlx::Error::Protocol(url), "check that it is running")
        };
        let printed = format!("Error: {:?}", refused());
        assert!(printed.starts_with("Error: cannot connect to the database: "));
        assert!(printed.contains("; check that it is running\n    meaning: "));
        assert!(printed.ends_with("\n    variant: Connect"), "{printed}");
        let parts = format!("{:#?}", refused());
        assert!(parts.starts_with("Connect {"), "{parts}");
        assert!(!format!("{printed}{parts}").contains("hunter2"));

        let forbidden = Error::config("DB_PASS is not a known variable; write DB_PASSWORD");
        assert_eq!(
            format!("{forbidden:?}"),
            "DB_PASS is not a known variable; write DB_PASSWORD\n    variant: Config"
        );
        assert!(format!("{forbidden:#?}").starts_with("Config {"));
    }
}
