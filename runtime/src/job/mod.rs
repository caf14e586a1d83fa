//! Runs and spawns background jobs: functions that run outside any request, in a session of their own.

mod error;
mod handle;
mod recorder;

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use futures_util::FutureExt;
use sqlx::error::BoxDynError as BoxError;
use tracing::Instrument;

pub use self::error::JobError;
use self::error::Reason;
pub use self::handle::JobHandle;
use self::recorder::JobRecorder;
use crate::backend::Backend;
use crate::boundary::{self, Failed, Verdict};
use crate::factory::SessionFactory;
use crate::observe::spans;
use crate::options::TxOptions;
use crate::scope::current;
use crate::scope::site::{Site, SiteKind};
use crate::session::Session;
use crate::session::hooks::{Hook, HookKind};
use crate::settings::redact;
use crate::targets;
use crate::util::cancel::{CancelSource, CancelToken};
use crate::util::send_closure::{SendMut, SendOnce, SendOnce2};

/// A background job that has not started.
///
/// A function marked `#[background_job]` returns a `Job`. The job does nothing until it is passed to
/// [`Session::after_commit`](crate::Session::after_commit), [`SessionFactory::spawn`] or [`SessionFactory::run`].
///
/// ```
/// # #[cfg(feature = "sqlite")] mod example {
/// use demarcate::sqlite::{Session, SessionFactory};
/// use demarcate::{JobError, background_job};
///
/// #[background_job]
/// async fn answer(tx: &mut Session, question: String) -> Result<i64, sqlx::Error> {
///     sqlx::query_scalar("select length($1)").bind(question).fetch_one(&mut *tx).await
/// }
///
/// pub async fn ask(db: &SessionFactory) -> Result<(), JobError> {
///     let job = answer("what is six times seven?".to_owned());
///     assert_eq!(db.run(job).await?, 24);
///     let elsewhere = db.spawn(answer("why?".to_owned()));
///     assert_eq!(elsewhere.await?, 4);
///     Ok(())
/// }
/// # }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// #     let db = demarcate::sqlite::SessionFactory::connect("sqlite::memory:").await.unwrap();
/// #     example::ask(&db).await.unwrap();
/// # });
/// ```
#[must_use = "a job does nothing until it is given to `tx.after_commit(..)`, `db.spawn(..)` or `db.run(..)`"]
pub struct Job<DB: Backend, T = ()> {
    site: Site,
    body: Box<Body<DB, T>>,
    on_error: Option<Box<OnError<DB>>>,
    /// Whether the job is one boundary, and opens none of its own.
    has_session: bool,
}

/// The work of a job. The token stops the function alone: a commit that was sent, and the hooks after it, continue.
type Body<DB, T> =
    dyn FnOnce(SessionFactory<DB>, CancelToken) -> BoxFuture<'static, Result<T, Reason>> + Send;

/// The `on_error` handler of a job.
type OnError<DB> = dyn for<'a> FnOnce(SessionFactory<DB>, &'a JobError) -> BoxFuture<'a, Result<(), BoxError>>
    + Send;

impl<DB: Backend, T> Job<DB, T> {
    /// Returns the function that created the job.
    pub fn site(&self) -> Site {
        self.site
    }

    /// Sets the handler that runs in a session of its own if the job fails.
    pub(crate) fn with_on_error<E, F>(mut self, handler: F) -> Self
    where
        F: AsyncFnOnce(&mut Session<DB>, &JobError) -> Result<(), E> + Send + 'static,
        F: for<'s, 'e> SendOnce2<&'s mut Session<DB>, &'e JobError, Out = Result<(), E>>,
        E: Into<BoxError> + Send + 'static,
    {
        let site = self.site.with_kind(SiteKind::OnError);
        self.on_error = Some(Box::new(move |db, error| {
            Box::pin(async move {
                let body = async move |tx: &mut Session<DB>| handler(tx, error).await;
                let options = TxOptions::new();
                boundary::run(
                    site,
                    db.engine(),
                    options,
                    CancelToken::never(),
                    body,
                    Verdict::from_result,
                )
                .await
                .map_err(|failed| match failed {
                    Failed::Body(error) => error.into(),
                    Failed::Boundary(error) => error.into(),
                    Failed::Stopped => "stopped".into(),
                })
            })
        }));
        self
    }
}

impl<DB: Backend, T> fmt::Debug for Job<DB, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

/// Creates a job whose body is one boundary, run once.
pub(crate) fn in_session<DB, T, E, F>(
    site: Site,
    options: TxOptions,
    judge: impl Fn(&Result<T, E>) -> Verdict + Send + 'static,
    body: F,
) -> Job<DB, T>
where
    DB: Backend,
    T: Send + 'static,
    E: Into<BoxError> + Send + 'static,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E> + Send + 'static,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
{
    let site = site.renamed(options.name);
    Job {
        site,
        body: Box::new(move |db, stop| {
            Box::pin(async move {
                boundary::run(site, db.engine(), options, stop, body, judge)
                    .await
                    .map_err(Reason::from)
            })
        }),
        on_error: None,
        has_session: true,
    }
}

/// Creates a job whose body is one boundary, retried after conflicts.
pub(crate) fn in_runs<DB, T, E, K, F, Fut>(
    site: Site,
    options: TxOptions,
    keeps: K,
    runs: F,
) -> Job<DB, T>
where
    DB: Backend,
    T: Send + 'static,
    E: Into<BoxError> + Send + 'static,
    K: Send + 'static,
    F: FnOnce(JobRuns<DB, K>) -> Fut + Send + 'static,
    Fut: Future<Output = Ended<T, E>> + Send + 'static,
{
    let site = site.renamed(options.name);
    Job {
        site,
        body: Box::new(move |db, stop| {
            let this = JobRuns {
                db,
                site,
                options,
                keeps,
                stop,
            };
            Box::pin(async move { runs(this).await.0.map_err(Reason::from) })
        }),
        on_error: None,
        has_session: true,
    }
}

/// Runs the function of a job that is retried.
pub struct JobRuns<DB: Backend, K> {
    db: SessionFactory<DB>,
    site: Site,
    options: TxOptions,
    keeps: K,
    stop: CancelToken,
}

/// The result of the last run.
pub struct Ended<T, E>(Result<T, Failed<E>>);

impl<DB: Backend, K> JobRuns<DB, K> {
    /// Runs the function, again after each conflict. Commits on an error that `K` accepts.
    pub async fn again<T, E, F>(self, body: F) -> Ended<T, E>
    where
        E: 'static,
        K: Fn(&E) -> bool + Send + Sync,
        F: AsyncFnMut(&mut Session<DB>) -> Result<T, E>,
        F: for<'s> SendMut<&'s mut Session<DB>, Out = Result<T, E>>,
    {
        let Self {
            db,
            site,
            options,
            keeps,
            stop,
        } = self;
        let judge = |result: &Result<T, E>| Verdict::keeping(result, &keeps);
        Ended(boundary::run_again(site, db.engine(), options, stop, body, judge).await)
    }
}

/// Creates a job of several units of work, which opens a boundary for each.
pub(crate) fn with_factory<DB, T, E, F>(site: Site, body: F) -> Job<DB, T>
where
    DB: Backend,
    T: Send + 'static,
    E: Into<BoxError> + Send + 'static,
    F: AsyncFnOnce(&SessionFactory<DB>) -> Result<T, E> + Send + 'static,
    F: for<'s> SendOnce<&'s SessionFactory<DB>, Out = Result<T, E>>,
{
    Job {
        site,
        body: Box::new(move |db, stop| {
            Box::pin(async move {
                let body = db.pool().stop_token().run(stop.run(body(&db)));
                match body.await.flatten() {
                    Some(result) => result.map_err(|error| Reason::Failed(error.into())),
                    None => Err(Reason::Cancelled),
                }
            })
        }),
        on_error: None,
        has_session: false,
    }
}

impl<DB: Backend> SessionFactory<DB> {
    /// Runs a job on the current task, in a session of its own, and returns its result.
    ///
    /// # Errors
    ///
    /// [`JobError`], after the job's `on_error` has run. Inside a boundary of this factory the job is not run, and the
    /// source of the error is [`Error::NestedBoundary`](crate::Error::NestedBoundary): pass the job to
    /// [`Session::after_commit`](crate::Session::after_commit) there.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the job is rolled back, and its `on_error` does not run. [`spawn`](Self::spawn) a job
    /// that should outlive its caller.
    pub async fn run<T: Send + 'static>(&self, job: Job<DB, T>) -> Result<T, JobError> {
        run(self, job).await
    }

    /// Starts a job on a task of its own, at once. Awaiting the [handle](JobHandle), now or later, returns the result, as
    /// [`run`](Self::run) does. Dropping it detaches the job, which continues to run.
    pub fn spawn<T: Send + 'static>(&self, job: Job<DB, T>) -> JobHandle<T> {
        spawn(self, job)
    }
}

impl<DB: Backend, T: Send + 'static> Hook<DB> for Job<DB, T> {
    fn into_hook(self) -> HookKind<DB> {
        HookKind::Job(Box::new(move |engine| {
            drop(spawn(
                &SessionFactory::from_engine(Arc::clone(engine)),
                self,
            ));
        }))
    }
}

/// Runs a job on the current task. Rejects it inside a boundary, whose connection it could wait for.
pub(crate) async fn run<DB: Backend, T: Send + 'static>(
    db: &SessionFactory<DB>,
    job: Job<DB, T>,
) -> Result<T, JobError> {
    if let Err(nested) = db.engine().reject_nested(job.site) {
        return Err(Reason::Failed(nested.into()).into_error(job.site));
    }
    execute(
        db,
        job,
        CancelToken::never(),
        db.engine().is_open_to_caller(),
    )
    .await
}

/// Starts a job on a task of its own.
pub(crate) fn spawn<DB: Backend, T: Send + 'static>(
    db: &SessionFactory<DB>,
    job: Job<DB, T>,
) -> JobHandle<T> {
    let site = job.site;
    let (stopper, stop) = CancelSource::new();
    let (db, is_let_in) = (db.clone(), db.engine().is_open_to_caller());
    // Before the task first runs, so that a factory that is closing waits for the job from here on.
    let guest = db.pool().guest();
    let task = tokio::spawn(async move {
        let ended = execute(&db, job, stop, is_let_in).await;
        drop(guest);
        ended
    });
    JobHandle {
        site,
        task,
        stopper,
    }
}

/// Executes a job. If it was admitted (`is_let_in`), it may open boundaries even while the factory is closing.
async fn execute<DB: Backend, T>(
    db: &SessionFactory<DB>,
    job: Job<DB, T>,
    stop: CancelToken,
    is_let_in: bool,
) -> Result<T, JobError> {
    let _guest = db.pool().guest();
    let done = current::in_job(run_and_record(db, job, stop));
    if is_let_in {
        current::let_in(db.pool().identity(), done).await
    } else {
        done.await
    }
}

/// Runs the body of a job, which may panic. If it fails, logs the failure and runs `on_error`.
async fn run_and_record<DB: Backend, T>(
    db: &SessionFactory<DB>,
    job: Job<DB, T>,
    stop: CancelToken,
) -> Result<T, JobError> {
    let Job {
        site,
        body,
        on_error,
        has_session,
    } = job;
    let span = spans::job(site);
    let recorder = JobRecorder::new(site, span.clone(), db.engine().record_of(site));
    let done = async {
        let body = AssertUnwindSafe(async { body(db.clone(), stop).await }).catch_unwind();
        let reason = match body.await {
            Ok(Ok(value)) => {
                recorder.succeeded();
                return Ok(value);
            }
            Ok(Err(reason)) => reason,
            Err(payload) => Reason::Panicked(payload),
        };
        let error = reason.into_error(site);
        let stopped_after = db.pool().stopped_after();
        let by_close = stopped_after.filter(|_| error.may_be_by_close());
        recorder.failed(&error, has_session, by_close.is_some());
        match by_close {
            Some(grace) => {
                tracing::warn!(target: targets::JOB, %error, ?grace, "a background job was cancelled: it still ran at the end of the grace of a factory that closes");
            }
            None => tracing::error!(target: targets::JOB, %error, "a background job failed"),
        }
        if let Some(on_error) = on_error {
            record_failure(db, site, on_error, &error).await;
        }
        Err(error)
    };
    done.instrument(span).await
}

/// Runs the `on_error` of a job, which may fail or panic as well.
async fn record_failure<DB: Backend>(
    db: &SessionFactory<DB>,
    site: Site,
    on_error: Box<OnError<DB>>,
    error: &JobError,
) {
    let recorded = AssertUnwindSafe(async { on_error(db.clone(), error).await }).catch_unwind();
    match recorded.await {
        Ok(Ok(())) => {}
        Ok(Err(_)) if db.pool().stopped_after().is_some() => {
            tracing::warn!(target: targets::JOB, job = %site, "`on_error` of a background job could not run: the session factory has closed");
        }
        Ok(Err(error)) => {
            let error = error.to_string();
            tracing::error!(target: targets::JOB, job = %site, error = %redact(&error), "`on_error` of a background job failed");
        }
        Err(_) => {
            tracing::error!(target: targets::JOB, job = %site, "`on_error` of a background job panicked");
        }
    }
}
