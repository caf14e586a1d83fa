//! Implements sqlx's `Executor` for `&mut Session`.

use async_stream::stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use sqlx::{Execute, Executor, SqlStr};
use tokio::time::{Instant, timeout_at};

use crate::backend::query::Statement;
use crate::backend::{Backend, Step};
use crate::session::Session;
use crate::session::in_flight::Dispatched;

impl<'c, DB: Backend> Executor<'c> for &'c mut Session<DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step<DB>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let mut statement = Statement::from_query(query);
        Box::pin(stream! {
            let core = &mut self.core;
            loop {
                let copy = core.copy_to_send_again(&statement);
                let (sent, Dispatched { connection, mut in_flight }) = match core.start_query(statement).await {
                    Ok(started) => started,
                    Err(error) => {
                        yield Err(error);
                        return;
                    }
                };
                let mut steps = DB::fetch_many(connection, sent);
                let end = in_flight.limit.map(|limit| (limit, Instant::now() + limit));
                let (error, fate, copy) = loop {
                    let step = match end {
                        None => steps.next().await,
                        Some((limit, end)) => match timeout_at(end, steps.next()).await {
                            Ok(step) => step,
                            Err(_) => {
                                drop(steps);
                                yield Err(in_flight.time_out(limit));
                                return;
                            }
                        },
                    };
                    match step {
                        Some(Ok(step)) => {
                            in_flight.step::<DB>(&step);
                            yield Ok(step);
                        }
                        Some(Err(error)) => match (in_flight.is_cured_by_another_attempt(&error), copy) {
                            (Some(fate), Some(copy)) => break (error, fate, copy),
                            _ => {
                                yield Err(in_flight.fail(error));
                                return;
                            }
                        },
                        None => {
                            in_flight.complete(0);
                            return;
                        }
                    }
                };
                drop(steps);
                in_flight.give_up(&error);
                if let Err(error) = core.prepare_to_send_again(copy.text(), fate).await {
                    yield Err(error.into());
                    return;
                }
                statement = copy;
            }
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<DB::Row>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let mut statement = Statement::from_query(query);
        Box::pin(async move {
            let core = &mut self.core;
            loop {
                let copy = core.copy_to_send_again(&statement);
                let (
                    sent,
                    Dispatched {
                        connection,
                        mut in_flight,
                    },
                ) = core.start_query(statement).await?;
                let answer = DB::fetch_optional(connection, sent);
                let answer = in_flight.within_limit(answer).await?;
                let error = match answer {
                    Ok(row) => {
                        in_flight.complete(row.is_some().into());
                        return Ok(row);
                    }
                    Err(error) => error,
                };
                let cured = in_flight.is_cured_by_another_attempt(&error);
                let (Some(fate), Some(copy)) = (cured, copy) else {
                    return Err(in_flight.fail(error));
                };
                in_flight.give_up(&error);
                core.prepare_to_send_again(copy.text(), fate).await?;
                statement = copy;
            }
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
