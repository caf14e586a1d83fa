//! A statement on its way from the body to the connection.

use sqlx::error::BoxDynError;
use sqlx::{AssertSqlSafe, Database, Execute, SqlSafeStr, SqlStr};

/// A query taken apart, so that its text can be read before it is sent.
///
/// sqlx gives a query's text only in exchange for the query. This holds all that there is to one, and
/// is itself a query for the connection.
#[doc(hidden)]
pub struct Statement<DB: Database> {
    sql: SqlStr,
    prepared: Option<DB::Statement>,
    arguments: Result<Option<DB::Arguments>, BoxDynError>,
    persistent: bool,
}

impl<DB: Database> Statement<DB> {
    pub(crate) fn of<'q>(mut query: impl Execute<'q, DB>) -> Self {
        let prepared = query.statement().cloned();
        let arguments = query.take_arguments();
        let persistent = query.persistent();
        Self {
            sql: query.sql(),
            prepared,
            arguments,
            persistent,
        }
    }

    pub(crate) fn text(&self) -> &SqlStr {
        &self.sql
    }

    /// Whether it may have a comment behind it: it has none, and is not known to the server by its text.
    pub(crate) fn takes_comment(&self) -> bool {
        self.prepared.is_none() && !has_comment(self.sql.as_str())
    }

    /// Puts a comment behind its text.
    pub(crate) fn append(&mut self, comment: &str) {
        let text = format!("{}{comment}", self.sql.as_str());
        self.sql = AssertSqlSafe(text).into_sql_str();
    }

    /// The server keeps nothing of it under a name.
    pub(crate) fn send_unnamed(&mut self) {
        self.persistent = false;
    }

    /// Whether the connection asks the server to prepare it for this one use.
    pub(crate) fn is_prepared_once(&self) -> bool {
        !self.persistent && matches!(self.arguments, Ok(Some(_)))
    }

    /// The error of a value that could not be encoded. Nothing is sent then.
    pub(crate) fn encoding_error(&mut self) -> Option<sqlx::Error> {
        match std::mem::replace(&mut self.arguments, Ok(None)) {
            Err(error) => Some(sqlx::Error::Encode(error)),
            arguments => {
                self.arguments = arguments;
                None
            }
        }
    }
}

/// Whether a text may contain a comment.
fn has_comment(sql: &str) -> bool {
    sql.contains("/*") || sql.contains("--")
}

impl<DB: Database> Execute<'static, DB> for Statement<DB> {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&DB::Statement> {
        self.prepared.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<DB::Arguments>, BoxDynError> {
        std::mem::replace(&mut self.arguments, Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
