//! How the result of a body is judged, and how often the body runs: the policies that the attributes write.
//!
//! A policy is known before the compiler looks at the body, which is an argument behind it. Only then does it know
//! whether the body's closure is called once or again, and what `tx` is where the function's signature does not say so.

use std::error::Error as StdError;

use crate::backend::Backend;
use crate::boundary::{self, Verdict};
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::job::{self, Ended, Job, JobRuns};
use crate::options::TxOptions;
use crate::scope::site::Site;
use crate::session::Session;
use crate::util::cancel::CancelToken;
use crate::util::send_closure::{SendMut, SendOnce};

/// Runs the body once. An error that `K` accepts commits.
pub struct Once<K>(pub K);

/// Runs the body again where the options ask for it. An error that `K` accepts commits.
pub struct Again<K>(pub K);

/// Runs the body once with a session factory, for a job that opens boundaries of its own.
pub struct WithFactory;

/// Accepts no error, where there is no `no_rollback_for`.
pub fn keeps_nothing<E>(_: &E) -> bool {
    false
}

/// Runs the body `F` of a router, which returns `Result<T, E>`.
pub trait RouterPolicy<DB: Backend, T, E, F> {
    /// Runs the body in a boundary. An `Ok` that `fails` accepts rolls back; `from` makes an `E` of the boundary's own
    /// error.
    fn run<A>(
        self,
        site: Site,
        db: &SessionFactory<DB>,
        options: TxOptions,
        body: F,
        fails: A,
        from: fn(Error) -> E,
    ) -> impl Future<Output = Result<T, E>>
    where
        A: Fn(&T) -> bool + Send + Sync;
}

impl<DB, T, E, K, F> RouterPolicy<DB, T, E, F> for Once<K>
where
    DB: Backend,
    E: 'static,
    K: Fn(&E) -> bool + Send,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
{
    async fn run<A>(
        self,
        site: Site,
        db: &SessionFactory<DB>,
        options: TxOptions,
        body: F,
        fails: A,
        from: fn(Error) -> E,
    ) -> Result<T, E>
    where
        A: Fn(&T) -> bool + Send + Sync,
    {
        let judge = move |result: &Result<T, E>| Verdict::answering(result, &self.0, &fails);
        boundary::run(
            site,
            db.engine(),
            options,
            CancelToken::never(),
            body,
            judge,
        )
        .await
        .map_err(|failed| failed.into_error(from))
    }
}

impl<DB, T, E, K, F> RouterPolicy<DB, T, E, F> for Again<K>
where
    DB: Backend,
    E: 'static,
    K: Fn(&E) -> bool + Send + Sync,
    F: AsyncFnMut(&mut Session<DB>) -> Result<T, E>,
    F: for<'s> SendMut<&'s mut Session<DB>, Out = Result<T, E>>,
{
    async fn run<A>(
        self,
        site: Site,
        db: &SessionFactory<DB>,
        options: TxOptions,
        body: F,
        fails: A,
        from: fn(Error) -> E,
    ) -> Result<T, E>
    where
        A: Fn(&T) -> bool + Send + Sync,
    {
        let judge = |result: &Result<T, E>| Verdict::answering(result, &self.0, &fails);
        boundary::run_again(
            site,
            db.engine(),
            options,
            CancelToken::never(),
            body,
            judge,
        )
        .await
        .map_err(|failed| failed.into_error(from))
    }
}

/// Makes a job of the body `F`, which returns `Result<T, E>`.
pub trait JobPolicy<DB: Backend, T, E, F> {
    /// Makes the job, which does nothing yet.
    fn make(self, site: Site, options: TxOptions, body: F) -> Job<DB, T>;
}

impl<DB, T, E, K, F> JobPolicy<DB, T, E, F> for Once<K>
where
    DB: Backend,
    T: Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    K: Fn(&E) -> bool + Send + 'static,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E> + Send + 'static,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
{
    fn make(self, site: Site, options: TxOptions, body: F) -> Job<DB, T> {
        let judge = move |result: &Result<T, E>| Verdict::keeping(result, &self.0);
        job::in_session(site, options, judge, body)
    }
}

/// The body is called once, and runs the job's function as often as need be. The job's arguments belong to the body, which
/// clones them for each run.
impl<DB, T, E, K, F, Fut> JobPolicy<DB, T, E, F> for Again<K>
where
    DB: Backend,
    T: Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    K: Send + 'static,
    F: FnOnce(JobRuns<DB, K>) -> Fut + Send + 'static,
    Fut: Future<Output = Ended<T, E>> + Send + 'static,
{
    fn make(self, site: Site, options: TxOptions, body: F) -> Job<DB, T> {
        job::in_runs(site, options, self.0, body)
    }
}

/// Ignores the options, of which such a job has none: each of its boundaries has its own.
impl<DB, T, E, F> JobPolicy<DB, T, E, F> for WithFactory
where
    DB: Backend,
    T: Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    F: AsyncFnOnce(&SessionFactory<DB>) -> Result<T, E> + Send + 'static,
    F: for<'s> SendOnce<&'s SessionFactory<DB>, Out = Result<T, E>>,
{
    fn make(self, site: Site, _: TxOptions, body: F) -> Job<DB, T> {
        job::with_factory(site, body)
    }
}
