//! COPY in the session's transaction.

use std::fmt;
use std::io;

use bytes::Bytes;
use demarcate_sql::Kind;
use futures_core::stream::BoxStream;
use futures_util::StreamExt;
use sqlx::postgres::PgCopyIn;
use sqlx::{PgConnection, Postgres, SqlSafeStr, SqlStr};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::classify::{Fate, copy_of};
use crate::pool::lease::ConnectionState;
use crate::session::Session;
use crate::session::failure::Failure;
use crate::session::in_flight::{Dispatched, InFlight};

/// How many bytes of a source are sent at once.
const CHUNK: usize = 64 * 1024;

impl Session<Postgres> {
    /// Loads rows with `COPY .. FROM STDIN`, the fastest way into a table. Reads `source` to its end and returns the number
    /// of rows.
    ///
    /// The source is anything that implements tokio's [`AsyncRead`]: a file, a byte slice, the body of a request (by
    /// `tokio_util::io::StreamReader`); of a `&str` give `text.as_bytes()`. Its bytes are in the format that the statement
    /// names, and are sent in parts of 64 KiB.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::postgres::Session;
    /// use demarcate::service;
    ///
    /// #[service]
    /// async fn load(tx: &mut Session, csv: &[u8]) -> Result<u64, sqlx::Error> {
    ///     tx.copy_in("copy orders (sku, amount) from stdin with (format csv)", csv).await
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The server's; like the failure of any statement it can be survived in a
    /// [`savepoint`](Self::savepoint). `sqlx::Error::Encode` if the source cannot be read: nothing is stored, and the
    /// session has failed as well. [`Error::Forbidden`](crate::Error::Forbidden) for any other statement.
    ///
    /// The server's error is seen at the end of the source. A server that sends very many notices meanwhile, as a trigger
    /// may, waits until they are read, which sqlx does at the end as well: set `client_min_messages` for such a table.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nothing is stored. The session is marked as if a statement had been dropped, and the
    /// connection is closed.
    pub async fn copy_in<R>(
        &mut self,
        sql: impl SqlSafeStr,
        mut source: R,
    ) -> Result<u64, sqlx::Error>
    where
        R: AsyncRead + Unpin + Send,
    {
        let sql = sql.into_sql_str();
        let (connection, mut copying) = self.start_copy(&sql, Kind::CopyFromStdin).await?;
        let begun = connection.copy_in_raw(sql.as_str()).await;
        let mut copy = match begun {
            Ok(copy) => copy,
            Err(error) => return Err(copying.fail(error)),
        };
        match send_all(&mut copy, &mut source).await {
            Ok(()) => match copy.finish().await {
                Ok(rows) => Ok(copying.complete(rows)),
                Err(error) => Err(copying.fail(error)),
            },
            Err(Broken::Source(error)) => match copy.abort(SOURCE_FAILED).await {
                Ok(()) => Err(copying.fail_at_source(error)),
                Err(error) => Err(copying.fail_unread(error)),
            },
            Err(Broken::Connection(error)) => {
                drop(copy);
                Err(copying.fail(error))
            }
        }
    }

    /// Reads rows with `COPY .. TO STDOUT`, in the format that the statement names. The stream ends with the last of them.
    ///
    /// ```
    /// # #[cfg(feature = "postgres")] {
    /// use demarcate::postgres::Session;
    /// use demarcate::{Error, service};
    /// use futures_util::TryStreamExt;
    /// use tokio::io::{AsyncWrite, AsyncWriteExt};
    ///
    /// #[service]
    /// async fn export(tx: &mut Session, to: &mut (impl AsyncWrite + Unpin + Send)) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    ///     let mut lines = tx.copy_out("copy orders (sku, amount) to stdout with (format csv)").await?;
    ///     while let Some(line) = lines.try_next().await? {
    ///         to.write_all(&line).await?;
    ///     }
    ///     Ok(())
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The server's. An error costs the connection, since sqlx 0.9 may leave the end of that answer unread: the boundary
    /// fails, also if a [`savepoint`](Self::savepoint) is around it. [`Error::Forbidden`](crate::Error::Forbidden) for any
    /// other statement.
    ///
    /// # Cancel safety
    ///
    /// If the future, or the stream before its end, is dropped, the session is marked as if a statement had been dropped,
    /// and the connection is closed.
    pub async fn copy_out(
        &mut self,
        sql: impl SqlSafeStr,
    ) -> Result<BoxStream<'_, Result<Bytes, sqlx::Error>>, sqlx::Error> {
        let sql = sql.into_sql_str();
        let (connection, mut copying) = self.start_copy(&sql, Kind::CopyToStdout).await?;
        let mut rows = match connection.copy_out_raw(sql.as_str()).await {
            Ok(rows) => rows,
            Err(error) => return Err(copying.fail_unread(error)),
        };
        Ok(Box::pin(async_stream::stream! {
            while let Some(row) = rows.next().await {
                match row {
                    Ok(row) => {
                        copying.count_row();
                        yield Ok(row);
                    }
                    Err(error) => {
                        yield Err(copying.fail_unread(error));
                        return;
                    }
                }
            }
            copying.complete(0);
        }))
    }

    async fn start_copy(
        &mut self,
        sql: &SqlStr,
        kind: Kind,
    ) -> Result<(&mut PgConnection, Copying<'_>), sqlx::Error> {
        let Dispatched {
            connection,
            in_flight,
        } = self.core.start_copy(sql, kind).await?;
        Ok((connection, Copying::new(in_flight)))
    }
}

/// A COPY in flight. sqlx 0.9 does not count the answer that is outstanding, so a connection whose COPY was left before its
/// end is out of step, and is closed.
struct Copying<'a> {
    in_flight: InFlight<'a>,
    /// What would have become of the connection before.
    before: Option<Fate>,
}

impl<'a> Copying<'a> {
    fn new(in_flight: InFlight<'a>) -> Self {
        let before = in_flight.spent.replace(Fate::Lost);
        Self { in_flight, before }
    }

    fn count_row(&mut self) {
        if let Some(observer) = &mut self.in_flight.observer {
            observer.count_row();
        }
    }

    /// Records that the answer was read to its end.
    fn complete(&mut self, rows: u64) -> u64 {
        *self.in_flight.spent = self.before;
        if let Some(observer) = &mut self.in_flight.observer {
            observer.count_affected(rows);
        }
        self.in_flight.complete(0);
        rows
    }

    /// Records that the answer ended with an error of the server's or of the connection's.
    fn fail(&mut self, error: sqlx::Error) -> sqlx::Error {
        *self.in_flight.spent = self.before;
        self.in_flight.fail(error)
    }

    /// Records an error after which sqlx 0.9 may not have read the answer to its end: of `copy_out_raw`, before the first row
    /// and after the last, and of `PgCopyIn::abort`, if the server had failed before. Nothing more is sent on the connection.
    fn fail_unread(&mut self, error: sqlx::Error) -> sqlx::Error {
        let error = self.fail(error);
        *self.in_flight.state = ConnectionState::Lost;
        error
    }

    /// Records that the source could not be read, after the server has undone what was sent.
    fn fail_at_source(&mut self, error: io::Error) -> sqlx::Error {
        let error = sqlx::Error::Encode(Box::new(SourceError(error)));
        *self.in_flight.spent = self.before;
        *self.in_flight.state = ConnectionState::Open;
        self.in_flight.report(&error, |_| {
            Some(Failure::Statement {
                error: copy_of(&error),
                may_succeed_again: false,
            })
        });
        error
    }
}

/// Why a source was not sent to its end.
enum Broken {
    Source(io::Error),
    Connection(sqlx::Error),
}

async fn send_all(
    copy: &mut PgCopyIn<&mut PgConnection>,
    source: &mut (impl AsyncRead + Unpin),
) -> Result<(), Broken> {
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        // A source may give a line at a time, and each part that is sent is a message of its own.
        let mut rest = (&mut *source).take((CHUNK - chunk.len()) as u64);
        let read = rest.read_buf(&mut chunk).await;
        let is_end = read.map_err(Broken::Source)? == 0;
        if chunk.len() == CHUNK || is_end {
            if !chunk.is_empty() {
                let sent = copy.send(chunk.as_slice()).await;
                sent.map_err(Broken::Connection)?;
            }
            chunk.clear();
        }
        if is_end {
            return Ok(());
        }
    }
}

/// What the server's log shows of a COPY whose source could not be read.
const SOURCE_FAILED: &str = "the source of `copy_in` could not be read";

/// The error of a source.
#[derive(Debug)]
struct SourceError(io::Error);

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SOURCE_FAILED}: {}", self.0)
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}
