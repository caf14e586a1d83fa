//! Macros that implement the backend methods whose code is identical for every database.

use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use sqlx::{Database, Either, SqlStr};

use super::execute::{Execute, Step};

/// Reads the answer to its end, and returns its first row.
pub(crate) async fn first_row<DB: Database>(
    mut steps: BoxStream<'_, Result<Step<DB>, sqlx::Error>>,
) -> Result<Option<DB::Row>, sqlx::Error> {
    let mut first = None;
    while let Some(step) = steps.try_next().await? {
        if let (Either::Right(row), None) = (step, &first) {
            first = Some(row);
        }
    }
    Ok(first)
}

/// Runs a [repeated](Execute::repeated) text, reads the answer to its end, and returns its last row.
pub(crate) async fn last_row<DB: Execute>(
    connection: &mut DB::Connection,
    sql: SqlStr,
) -> Result<Option<DB::Row>, sqlx::Error> {
    let mut steps = DB::fetch_many(connection, DB::repeated(sql));
    let mut last = None;
    while let Some(step) = steps.try_next().await? {
        if let Either::Right(row) = step {
            last = Some(row);
        }
    }
    Ok(last)
}

/// Implements the methods of [`Execute`](super::Execute) that forward to the connection's own
/// [`Executor`](sqlx::Executor).
///
/// They cannot be default methods: `for<'c> &'c mut Self::Connection: Executor<'c>` would then have to
/// be repeated at every use of the trait.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
macro_rules! forward_to_connection {
    () => {
        fn prepared(connection: &Self::Connection) -> usize {
            if Self::PREPARES {
                ::sqlx::Connection::cached_statements_size(connection)
            } else {
                0
            }
        }

        fn affected(result: &Self::QueryResult) -> u64 {
            result.rows_affected()
        }

        fn forget_statements(
            connection: &mut Self::Connection,
        ) -> ::futures_core::future::BoxFuture<'_, Result<(), ::sqlx::Error>> {
            Box::pin(::sqlx::Connection::clear_cached_statements(connection))
        }

        fn drain(
            connection: &mut Self::Connection,
        ) -> ::futures_core::future::BoxFuture<'_, Result<(), ::sqlx::Error>> {
            // The ping reads what is left of the last answer first.
            Box::pin(::sqlx::Connection::ping(connection))
        }

        fn prepare_with<'e>(
            connection: &'e mut Self::Connection,
            sql: ::sqlx::SqlStr,
            parameters: &'e [Self::TypeInfo],
        ) -> ::futures_core::future::BoxFuture<'e, Result<Self::Statement, ::sqlx::Error>> {
            ::sqlx::Executor::prepare_with(connection, sql, parameters)
        }

        fn describe<'e>(
            connection: &'e mut Self::Connection,
            sql: ::sqlx::SqlStr,
        ) -> ::futures_core::future::BoxFuture<'e, Result<::sqlx::Describe<Self>, ::sqlx::Error>> {
            ::sqlx::Executor::describe(connection, sql)
        }
    };
}
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
pub(crate) use forward_to_connection;

/// Implements [`Execute::fetch_many`](super::Execute::fetch_many) by the connection's own.
#[cfg(any(feature = "postgres", feature = "mysql"))]
macro_rules! forward_fetch_many {
    () => {
        fn fetch_many<'e>(
            connection: &'e mut Self::Connection,
            statement: $crate::backend::query::Statement<Self>,
        ) -> ::futures_core::stream::BoxStream<
            'e,
            Result<$crate::backend::Step<Self>, ::sqlx::Error>,
        > {
            ::sqlx::Executor::fetch_many(connection, statement)
        }
    };
}
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(crate) use forward_fetch_many;

/// Implements [`Migrate::migrate`](super::Migrate::migrate), which calls sqlx's migrator. A macro for the same reason
/// as `forward_to_connection`.
#[cfg(all(
    feature = "migrate",
    any(feature = "sqlite", feature = "postgres", feature = "mysql")
))]
macro_rules! forward_to_migrator {
    () => {
        fn migrate<'e>(
            connection: &'e mut Self::Connection,
            migrations: &'e ::sqlx::migrate::Migrator,
        ) -> ::futures_core::future::BoxFuture<'e, Result<(), ::sqlx::migrate::MigrateError>> {
            // `Migrator::run` calls `run_direct`, which sqlx keeps public but hidden. The compiler cannot prove that
            // the future of `run` itself is `Send` ("implementation of `Acquire` is not general enough").
            Box::pin(migrations.run_direct(None, connection, false))
        }
    };
}
#[cfg(all(
    feature = "migrate",
    any(feature = "sqlite", feature = "postgres", feature = "mysql")
))]
pub(crate) use forward_to_migrator;
