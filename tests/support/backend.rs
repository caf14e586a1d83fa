//! The trait of a database on which the suites run.

use sqlx::{AssertSqlSafe, Database};

/// The operations that the support needs from each database. A suite that is generic over this trait runs on all of
/// them.
pub trait Backend: Database {
    /// Counts the sessions that are connected to the database, beside the one that asks.
    const OTHER_SESSIONS: &'static str;

    /// Creates an empty database, and returns its URL. Starts the server if none runs yet.
    #[doc(hidden)]
    fn create(name: String) -> impl Future<Output = Result<String, String>> + Send;

    /// Returns the URL to which a test connects, given the database's own. They differ if a pooler stands in between.
    #[doc(hidden)]
    fn through(url: String, _name: &str) -> impl Future<Output = Result<String, String>> + Send {
        std::future::ready(Ok(url))
    }

    /// Drops a database, whoever is still connected to it.
    #[doc(hidden)]
    fn drop(name: String) -> impl Future<Output = Result<(), String>> + Send;

    /// Runs one or more statements, and returns the number of changed rows.
    #[doc(hidden)]
    fn execute(
        connection: &mut Self::Connection,
        sql: &str,
    ) -> impl Future<Output = sqlx::Result<u64>> + Send;

    /// Runs a query, and returns its first row.
    #[doc(hidden)]
    fn fetch_one(
        connection: &mut Self::Connection,
        sql: &str,
    ) -> impl Future<Output = sqlx::Result<Self::Row>> + Send;
}

/// The two methods whose text is the same for every database, and whose types sqlx does not let us write generically.
macro_rules! run_statements {
    () => {
        async fn execute(connection: &mut Self::Connection, sql: &str) -> sqlx::Result<u64> {
            let result = sqlx::raw_sql($crate::backend::trusted(sql))
                .execute(connection)
                .await?;
            Ok(result.rows_affected())
        }

        async fn fetch_one(
            connection: &mut Self::Connection,
            sql: &str,
        ) -> sqlx::Result<Self::Row> {
            sqlx::query($crate::backend::trusted(sql))
                .fetch_one(connection)
                .await
        }
    };
}
pub(crate) use run_statements;

/// The text of a test is the test's own: there is no user whose input could be in it.
pub(crate) fn trusted(sql: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.to_owned())
}
