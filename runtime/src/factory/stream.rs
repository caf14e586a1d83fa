//! Runs a boundary that answers with a stream of items.

use std::any::Any;
use std::panic::Location;
use std::pin::pin;

use async_stream::stream;
use futures_core::stream::Stream;
use futures_util::future::{Either, select};
use tokio::sync::mpsc;
use tracing::Instrument;

use crate::backend::Backend;
use crate::boundary::{self, Verdict};
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::options::TxOptions;
use crate::scope::current;
use crate::scope::place::ErrorContext;
use crate::scope::site::{Site, SiteKind};
use crate::session::Session;
use crate::targets;
use crate::util::cancel::CancelToken;
use crate::util::on_drop::OnDrop;
use crate::util::send_closure::SendOnce2;

/// Sends the items of a [stream](SessionFactory::stream).
#[derive(Debug)]
pub struct StreamSender<T>(mpsc::Sender<T>);

impl<T> StreamSender<T> {
    /// Sends an item to the reader of the stream. Waits until the reader has taken the item before it.
    ///
    /// If the reader is gone, this never returns: the boundary is being rolled back. Call it in the body itself, not in a task
    /// that the body spawns.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the item is not sent.
    pub async fn send(&self, item: T) {
        if self.0.send(item).await.is_err() {
            std::future::pending().await
        }
    }
}

impl<DB: Backend> SessionFactory<DB> {
    /// Runs `body` in a transaction, and returns what it sends as a stream: the rows of a large answer, for example, which
    /// are written to the client while they are read.
    ///
    /// The stream owns everything, so it can be the body of a response. The transaction begins when the stream is first
    /// polled. After `Ok` it is committed, and then the stream ends. If the body or the commit fails, the last item is the
    /// error; a server then breaks off the response, so that the client sees that it is not complete. If the stream is
    /// dropped before its end, because the client went away, the transaction is rolled back.
    ///
    /// The error is logged as well, since the status of a response is sent before the first item. An HTTP body asks that it
    /// implements `std::error::Error`.
    ///
    /// Call it from a plain handler, and not in a router or a service, whose transaction ends before the response is sent.
    ///
    /// A slow reader holds the transaction and its connection open, but not longer than the boundary's
    /// [timeout](TxOptions::timeout).
    ///
    /// ```
    /// # #[cfg(all(feature = "sqlite", feature = "axum"))] mod example {
    /// use axum::body::Body;
    /// use axum::extract::State;
    /// use demarcate::sqlite::SessionFactory;
    /// use demarcate::{Error, TxOptions};
    /// use futures_util::TryStreamExt;
    ///
    /// async fn export(State(db): State<SessionFactory>) -> Body {
    ///     let options = TxOptions::new().read_only();
    ///     Body::from_stream(db.stream(options, async |tx, out| {
    ///         let mut orders = sqlx::query_as::<_, (i64, String)>("select id, sku from orders").fetch(&mut *tx);
    ///         while let Some((id, sku)) = orders.try_next().await? {
    ///             out.send(format!("{id},{sku}\n")).await;
    ///         }
    ///         Ok::<_, Error>(())
    ///     }))
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// The last item: the body's own error, or an error of the boundary as [`transaction`](Self::transaction) returns it.
    /// [`Error::Config`] if the options ask for [retries](crate::Retry): what was sent cannot be taken back.
    ///
    /// # Panics
    ///
    /// A panic of the body is propagated to the reader.
    #[track_caller]
    pub fn stream<T, E, F>(
        &self,
        options: TxOptions,
        body: F,
    ) -> impl Stream<Item = Result<T, E>> + Send + 'static + use<DB, T, E, F>
    where
        F: AsyncFnOnce(&mut Session<DB>, StreamSender<T>) -> Result<(), E> + Send + 'static,
        F: for<'s> SendOnce2<&'s mut Session<DB>, StreamSender<T>, Out = Result<(), E>>,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let caller = Location::caller();
        let site = Site::new("stream", SiteKind::Closure, caller.file(), caller.line());
        let db = self.clone();
        // The task and the span of the handler. Another task may poll the body of its response.
        let (task, span) = (current::task(), tracing::Span::current());
        stream! {
            if let Err(error) = admit(&db, site, &options) {
                let error = error.at(|| ErrorContext::of_boundary(site));
                log(site, &error);
                yield Err(error.into());
                return;
            }
            let (sender, mut items) = mpsc::channel(1);
            // A task of its own, so that the timeout holds although nobody polls the stream.
            let guest = db.pool().guest();
            let run = async move {
                let body = async move |tx: &mut Session<DB>| {
                    let last = sender.clone();
                    body(tx, StreamSender(sender)).await?;
                    // The commit does not come before the reader has the last item.
                    match last.reserve().await {
                        Ok(_) => Ok(()),
                        Err(_) => std::future::pending().await,
                    }
                };
                let engine = db.engine();
                let never = CancelToken::never();
                let run = boundary::run(site, engine, options, never, body, Verdict::from_result);
                // It was admitted above, also while the factory is closing.
                let run = current::let_in(db.pool().identity(), current::on_behalf_of(task, run));
                let result = run.await.map_err(|failed| failed.into_error(E::from));
                if let Err(error) = &result {
                    log(site, error);
                }
                drop(guest);
                result
            };
            let mut running = tokio::spawn(run.instrument(span));
            let abort = running.abort_handle();
            let _stopping = OnDrop::new(move || abort.abort());
            let ended = loop {
                let next = match select(pin!(items.recv()), &mut running).await {
                    Either::Left((item, _)) => Either::Left(item),
                    Either::Right((ended, _)) => Either::Right(ended),
                };
                match next {
                    Either::Left(Some(item)) => yield Ok(item),
                    // The body has ended. The commit may not have.
                    Either::Left(None) => break (&mut running).await,
                    Either::Right(ended) => {
                        while let Ok(item) = items.try_recv() {
                            yield Ok(item);
                        }
                        break ended;
                    }
                }
            };
            match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => yield Err(error),
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime shuts down.
                    Err(_) => yield Err(Error::Closed { place: ErrorContext::of_boundary(site) }.into()),
                },
            }
        }
    }
}

/// Logs what nobody else may see: the status was sent before the first item.
fn log<E: 'static>(site: Site, error: &E) {
    match (error as &dyn Any).downcast_ref::<Error>() {
        Some(error) => {
            tracing::error!(target: targets::BOUNDARY, boundary = %site, %error, "a stream has failed")
        }
        None => {
            tracing::warn!(target: targets::BOUNDARY, boundary = %site, "a stream has ended with an error of its own")
        }
    }
}

/// Rejects a stream before its task begins, which does not know in which boundary the stream is read.
fn admit<DB: Backend>(
    db: &SessionFactory<DB>,
    site: Site,
    options: &TxOptions,
) -> Result<(), Error> {
    if options.retry.is_some() {
        return Err(Error::config(
            "a stream cannot be run again, since its reader has the items of the first run; leave out `retry`",
        ));
    }
    db.engine().admit(site, options.independent)
}
