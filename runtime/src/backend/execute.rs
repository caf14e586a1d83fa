//! Runs SQL on a connection: the part of a backend that the driver's own executor does.

use demarcate_sql::Dialect;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::TryStreamExt;
use sqlx::{Database, Either, SqlStr};

use crate::backend::forward::first_row;
use crate::backend::query::Statement;

/// One step of a statement's result: a row, or the end of a statement with the number of changed rows.
pub(crate) type Step<DB> = Either<<DB as Database>::QueryResult, <DB as Database>::Row>;

/// The driver's executor, by methods that are generic over the database.
pub trait Execute: Database<Arguments: Clone> {
    /// The SQL dialect of the database.
    const DIALECT: Dialect;

    /// Whether preparing a statement is a round trip of its own.
    const PREPARES: bool;

    /// Returns the number of prepared statements that the connection has cached, if [`PREPARES`](Self::PREPARES); else
    /// 0.
    fn prepared(connection: &Self::Connection) -> usize;

    /// Returns the number of rows that a statement changed.
    fn affected(result: &Self::QueryResult) -> u64;

    /// Runs SQL text that takes no arguments and is not prepared.
    fn run(
        connection: &mut Self::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>> {
        let steps = Self::fetch_many(connection, Statement::of_text(sql));
        Box::pin(steps.try_for_each(|_| std::future::ready(Ok(()))))
    }

    /// Runs SQL text as [`run`](Self::run) does, and returns the first row of the answer.
    fn run_for_row(
        connection: &mut Self::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'_, Result<Option<Self::Row>, sqlx::Error>> {
        let steps = Self::fetch_many(connection, Statement::of_text(sql));
        Box::pin(first_row::<Self>(steps))
    }

    /// A statement of the runtime's own that is sent again and again with the same text, such as a begin.
    fn repeated(sql: SqlStr) -> Statement<Self> {
        Statement::of_text(sql)
    }

    /// Forgets the statements that are prepared on the connection.
    fn forget_statements(
        connection: &mut Self::Connection,
    ) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// Reads the rest of the answer to a statement that was accepted, and whose row stream was dropped.
    fn drain(connection: &mut Self::Connection) -> BoxFuture<'_, Result<(), sqlx::Error>>;

    /// [`Executor::fetch_many`](sqlx::Executor::fetch_many) of the connection.
    fn fetch_many<'e>(
        connection: &'e mut Self::Connection,
        statement: Statement<Self>,
    ) -> BoxStream<'e, Result<Step<Self>, sqlx::Error>>;

    /// [`Executor::fetch_optional`](sqlx::Executor::fetch_optional) of the connection.
    fn fetch_optional<'e>(
        connection: &'e mut Self::Connection,
        statement: Statement<Self>,
    ) -> BoxFuture<'e, Result<Option<Self::Row>, sqlx::Error>>;

    /// [`Executor::prepare_with`](sqlx::Executor::prepare_with) of the connection.
    fn prepare_with<'e>(
        connection: &'e mut Self::Connection,
        sql: SqlStr,
        parameters: &'e [Self::TypeInfo],
    ) -> BoxFuture<'e, Result<Self::Statement, sqlx::Error>>;

    /// [`Executor::describe`](sqlx::Executor::describe) of the connection.
    fn describe<'e>(
        connection: &'e mut Self::Connection,
        sql: SqlStr,
    ) -> BoxFuture<'e, Result<sqlx::Describe<Self>, sqlx::Error>>;
}
