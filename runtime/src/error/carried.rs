//! One of our errors on its way through a `sqlx::Error`.

use std::borrow::Cow;

use sqlx::error::{DatabaseError, ErrorKind};

use super::Error;

/// One of our errors on its way through a `sqlx::Error`.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(super) struct Carried(pub(super) Error);

impl DatabaseError for Carried {
    fn message(&self) -> &str {
        match &self.0 {
            Error::Forbidden { reason, .. } => reason,
            Error::Config { message, .. } => message,
            Error::Aborted { .. } => "the transaction is aborted by an earlier error",
            Error::RollbackOnly { reason, .. } => reason,
            Error::BeforeCommit { .. } => "refused before the commit",
            Error::Unmet { needs, .. } => needs,
            Error::StatementTimeout { .. } => "a statement was not done within its timeout",
            Error::CommitUnknown { .. } => "the outcome of the commit is not known",
            Error::Timeout { .. } => "the boundary was not done within its timeout",
            Error::PoolTimeout { .. } => "no connection became free in time",
            Error::Connect { .. } => "cannot connect to the database",
            Error::Migration { .. } => "the database was not migrated",
            Error::NestedBoundary { .. } => "a boundary was opened inside another on the same pool",
            Error::Unsupported { .. } => "the database has no such option",
            Error::Closed { .. } => "the session factory is closed",
            Error::Database { .. } => "the database reported an error",
        }
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        self.0.sqlstate().map(Cow::Borrowed)
    }

    fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
        self
    }

    fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
        self
    }

    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl Error {
    /// The SQLSTATE that says nearest the same, for code that reads the error as a `sqlx::Error`.
    ///
    /// PostgreSQL's names: <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn sqlstate(&self) -> Option<&'static str> {
        Some(match self {
            Self::Aborted { .. } => "25P02",      // in_failed_sql_transaction
            Self::RollbackOnly { .. } => "40000", // transaction_rollback
            Self::BeforeCommit { .. } => "40000",
            Self::Unmet { .. } => "25000", // invalid_transaction_state
            Self::Forbidden { .. } => "2D000", // invalid_transaction_termination
            Self::NestedBoundary { .. } => "25001", // active_sql_transaction
            Self::CommitUnknown { .. } => "08007", // transaction_resolution_unknown
            Self::Connect { .. } => "08001", // sqlclient_unable_to_establish_sqlconnection
            Self::Closed { .. } => "08003", // connection_does_not_exist
            Self::PoolTimeout { .. } => "53300", // too_many_connections
            Self::Timeout { .. } | Self::StatementTimeout { .. } => "57014", // query_canceled
            Self::Unsupported { .. } => "0A000", // feature_not_supported
            Self::Database { .. } | Self::Config { .. } | Self::Migration { .. } => return None,
        })
    }
}
