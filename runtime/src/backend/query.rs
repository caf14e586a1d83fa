//! Takes an sqlx query apart, so that its text can be checked and changed before it is sent.

use sqlx::error::BoxDynError;
use sqlx::{AssertSqlSafe, Database, Execute, SqlSafeStr, SqlStr};

/// A query taken apart, so that its text can be read before it is sent.
///
/// Reading the text of an sqlx query consumes the query. This type holds all parts of a query, and implements
/// [`Execute`] itself, so that the connection can run it.
#[doc(hidden)]
pub struct Statement<DB: Database> {
    sql: SqlStr,
    prepared: Option<DB::Statement>,
    arguments: Result<Option<DB::Arguments>, BoxDynError>,
    persistent: bool,
}

impl<DB: Database> Statement<DB> {
    /// Takes the query apart.
    pub(crate) fn from_query<'q>(mut query: impl Execute<'q, DB>) -> Self {
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

    /// A text without arguments, which is not prepared.
    pub(crate) fn of_text(sql: SqlStr) -> Self {
        Self {
            sql,
            prepared: None,
            arguments: Ok(None),
            persistent: true,
        }
    }

    /// A text without arguments, which the connection keeps prepared.
    #[cfg(feature = "sqlite")]
    pub(crate) fn kept(sql: SqlStr) -> Self {
        Self {
            arguments: Ok(Some(DB::Arguments::default())),
            ..Self::of_text(sql)
        }
    }

    /// Copies the query, so that it can be sent again. `None` if an argument could not be encoded.
    pub(crate) fn try_clone(&self) -> Option<Self>
    where
        DB: Database<Arguments: Clone>,
    {
        Some(Self {
            sql: self.sql.clone(),
            prepared: self.prepared.clone(),
            arguments: Ok(self.arguments.as_ref().ok()?.clone()),
            persistent: self.persistent,
        })
    }

    pub(crate) fn text(&self) -> &SqlStr {
        &self.sql
    }

    /// Whether a comment can be appended: the text has none yet, and the statement is not already prepared under its
    /// text.
    pub(crate) fn takes_comment(&self) -> bool {
        self.prepared.is_none() && !has_comment(self.sql.as_str())
    }

    /// Appends a comment to the text.
    pub(crate) fn append(&mut self, comment: &str) {
        let text = format!("{}{comment}", self.sql.as_str());
        self.sql = AssertSqlSafe(text).into_sql_str();
    }

    /// Puts a text before the statement.
    #[cfg(feature = "postgres")]
    pub(crate) fn with_prefix(mut self, prefix: &str) -> Self {
        self.prepared = None;
        let text = format!("{prefix}{}", self.sql.as_str());
        self.sql = AssertSqlSafe(text).into_sql_str();
        self
    }

    /// Sends the statement unnamed, so that the server and the connection do not cache it.
    pub(crate) fn send_unnamed(&mut self) {
        self.persistent = false;
    }

    /// Whether the connection has the server prepare the statement for this single use.
    pub(crate) fn is_prepared_once(&self) -> bool {
        !self.persistent && matches!(self.arguments, Ok(Some(_)))
    }

    /// Returns the error if an argument could not be encoded. Such a statement is not sent.
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
