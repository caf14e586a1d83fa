//! Implements sqlx's `Executor` for `&mut Session`.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::TryFutureExt;
use sqlx::{Either, Execute, Executor, SqlStr};
use tokio::time::Sleep;

use crate::backend::query::Statement;
use crate::backend::{Backend, Step};
use crate::session::Session;
use crate::session::in_flight::{Dispatched, InFlight};

impl<'c, DB: Backend> Executor<'c> for &'c mut Session<DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step<DB>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let statement = Statement::from_query(query);
        let rows = async move {
            let (
                statement,
                Dispatched {
                    connection,
                    in_flight,
                },
            ) = self.core.start_query(statement).await?;
            Ok(Rows::<DB> {
                steps: Some(DB::fetch_many(connection, statement)),
                end: in_flight
                    .limit
                    .map(|limit| Box::pin(tokio::time::sleep(limit))),
                in_flight,
            })
        };
        Box::pin(rows.try_flatten_stream())
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<DB::Row>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let statement = Statement::from_query(query);
        Box::pin(async move {
            let (
                statement,
                Dispatched {
                    connection,
                    in_flight,
                },
            ) = self.core.start_query(statement).await?;
            in_flight
                .watch_rows(DB::fetch_optional(connection, statement), |row| {
                    row.is_some().into()
                })
                .await
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let Dispatched {
                connection,
                in_flight,
            } = self.core.start_named(&sql).await?;
            in_flight
                .watch(DB::prepare_with(connection, sql, parameters))
                .await
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<DB>, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let Dispatched {
                connection,
                in_flight,
            } = self.core.start_named(&sql).await?;
            in_flight.watch(DB::describe(connection, sql)).await
        })
    }
}

/// The stream of rows that a statement returns. If it is dropped before its end, the connection stays busy, and the
/// session detects that when it is next used.
struct Rows<'e, DB: Backend> {
    /// The driver's stream. `None` after the statement timeout.
    steps: Option<BoxStream<'e, Result<Step<DB>, sqlx::Error>>>,
    /// Fires at the statement timeout, if the server does not enforce it.
    end: Option<Pin<Box<Sleep>>>,
    in_flight: InFlight<'e>,
}

impl<DB: Backend> Stream for Rows<'_, DB> {
    type Item = Result<Step<DB>, sqlx::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let (Some(end), Some(limit)) = (&mut this.end, this.in_flight.limit)
            && end.as_mut().poll(cx).is_ready()
        {
            this.steps = None;
            this.end = None;
            return Poll::Ready(Some(Err(this.in_flight.time_out(limit))));
        }
        let Some(steps) = &mut this.steps else {
            return Poll::Ready(None);
        };
        let step = match ready!(steps.as_mut().poll_next(cx)) {
            Some(Ok(step)) => {
                if let Some(observer) = &mut this.in_flight.observer {
                    match &step {
                        Either::Left(result) => observer.count_affected(DB::affected(result)),
                        Either::Right(_) => observer.count_row(),
                    }
                }
                Some(Ok(step))
            }
            Some(Err(error)) => Some(Err(this.in_flight.fail(error))),
            None => {
                this.in_flight.complete(0);
                None
            }
        };
        Poll::Ready(step)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.steps.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}
