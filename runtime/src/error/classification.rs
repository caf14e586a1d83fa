//! Classifies an [`Error`], and gives it the view that travels inside a `sqlx::Error`.

use std::any::Any;

use super::Error;
use crate::classify::{Category, Classification, Classified, classify, words};

impl Error {
    /// Returns the meaning of the error, and the ways to recover from it. An [`Error::Aborted`] is classified by the first
    /// failure of the transaction.
    pub fn classification(&self) -> Classification<'_> {
        match self {
            Self::Database { place, source } => classify(source).in_boundary(place.is_read_only()),
            Self::Aborted { place, source } => match source {
                // A dropped statement: the connection is intact, and the transaction cannot go on.
                sqlx::Error::Protocol(_) => words::ABORTED.into(),
                source => classify(source).in_boundary(place.is_read_only()),
            },
            Self::Connect { source, .. } => {
                let found = classify(source);
                match found.category {
                    Category::Unknown | Category::Query => words::NO_SUCH_SERVER.into(),
                    _ => found,
                }
            }
            Self::Migration { source, .. } => {
                let found = classify(source);
                match found.category {
                    Category::Unknown => words::QUERY.into(),
                    _ => found,
                }
            }
            Self::CommitUnknown { .. } => words::UNKNOWN_OUTCOME.into(),
            Self::Timeout { .. } => words::BOUNDARY_TIMEOUT.into(),
            Self::StatementTimeout { .. } => words::STATEMENT_TIMEOUT.into(),
            // The body asked for the rollback, or its own hook refused the commit.
            Self::RollbackOnly { .. } | Self::BeforeCommit { .. } => words::ABORTED.into(),
            Self::PoolTimeout { .. } => words::POOL_TIMEOUT.into(),
            Self::Overloaded { .. } => words::OVERLOADED.into(),
            Self::Application { .. } => words::APPLICATION.into(),
            Self::Closed { .. } => words::NO_SUCH_SERVER.into(),
            Self::NestedBoundary { .. } => words::STATE.into(),
            Self::Forbidden { .. }
            | Self::RequirementNotMet { .. }
            | Self::Unsupported { .. }
            | Self::Config { .. } => words::QUERY.into(),
        }
    }
}

impl Classified for Error {
    fn classification(&self) -> Classification<'_> {
        Self::classification(self)
    }

    fn line(&self) -> String {
        self.message_line()
    }

    fn message(&self) -> &str {
        match self {
            Self::Forbidden { reason, .. } => reason,
            Self::Config { message, .. } | Self::Application { message, .. } => message,
            Self::Aborted { .. } => "the transaction is aborted by an earlier error",
            Self::RollbackOnly { reason, .. } => reason,
            Self::BeforeCommit { .. } => "refused before the commit",
            Self::RequirementNotMet { needs, .. } => needs,
            Self::StatementTimeout { .. } => "a statement was not done within its timeout",
            Self::CommitUnknown { .. } => "the outcome of the commit is not known",
            Self::Timeout { .. } => "the boundary was not done within its timeout",
            Self::PoolTimeout { .. } => "no connection became free in time",
            Self::Overloaded { .. } => "too many boundaries wait for a connection",
            Self::Connect { .. } => "cannot connect to the database",
            Self::Migration { .. } => "the database was not migrated",
            Self::NestedBoundary { .. } => "a boundary was opened inside another on the same pool",
            Self::Unsupported { .. } => "the database has no such option",
            Self::Closed { .. } => "the session factory is closed",
            Self::Database { .. } => "the database reported an error",
        }
    }

    /// PostgreSQL's names: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn sqlstate(&self) -> Option<&'static str> {
        Some(match self {
            Self::Aborted { .. } => "25P02",      // in_failed_sql_transaction
            Self::RollbackOnly { .. } => "40000", // transaction_rollback
            Self::BeforeCommit { .. } => "40000",
            Self::RequirementNotMet { .. } => "25000", // invalid_transaction_state
            Self::Forbidden { .. } => "2D000",         // invalid_transaction_termination
            Self::NestedBoundary { .. } => "25001",    // active_sql_transaction
            Self::CommitUnknown { .. } => "08007",     // transaction_resolution_unknown
            Self::Connect { .. } => "08001", // sqlclient_unable_to_establish_sqlconnection
            Self::Closed { .. } => "08003",  // connection_does_not_exist
            Self::PoolTimeout { .. } | Self::Overloaded { .. } => "53300", // too_many_connections
            Self::Timeout { .. } | Self::StatementTimeout { .. } => "57014", // query_canceled
            Self::Unsupported { .. } => "0A000", // feature_not_supported
            Self::Database { .. }
            | Self::Config { .. }
            | Self::Application { .. }
            | Self::Migration { .. } => return None,
        })
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Timeout;

    #[test]
    fn our_own_errors_are_classified_and_found_again_in_those_of_sqlx() {
        let timeout = || Error::Timeout {
            place: Default::default(),
            after: std::time::Duration::ZERO,
        };
        assert_eq!(
            timeout().classification().category,
            Category::Timeout(Timeout::Boundary)
        );
        let carried: sqlx::Error = timeout().into();
        assert_eq!(
            classify(&carried).category,
            Category::Timeout(Timeout::Boundary)
        );
        assert!(matches!(Error::from(carried), Error::Timeout { .. }));
        let lost = || sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into());
        let unknown = Error::CommitUnknown {
            place: Default::default(),
            source: lost(),
        };
        assert_eq!(unknown.classification().category, Category::UnknownOutcome);
        assert!(!unknown.classification().retryable);
    }
}
