//! What the macros' output calls. Not for use by hand, and not covered by any promise.

use std::error::Error as StdError;

use crate::backend::Backend;
use crate::body::{SendMut, SendOnce};
use crate::boundary::{self, Verdict};
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::job::{self, Job};
use crate::options::TxOptions;
use crate::session::Session;
use crate::spans;
use crate::stop::Stop;

pub use crate::answer::Answer;
pub use crate::job::{Ended, JobRuns};
pub use crate::needs::Needs;
pub use crate::site::{Kind, Site};
pub use crate::trail::InService;

/// A session type, as a parameter names it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session of demarcate",
    label = "expected `demarcate::sqlite::Session`, or that of another database",
    note = "the session's type is `demarcate::{{sqlite, postgres, mysql}}::Session`, or an alias of one"
)]
pub trait LentSession {
    /// The session's database.
    type Database: Backend;
    /// What opens such sessions.
    type Factory;
    /// Itself.
    type Lent: ?Sized;

    /// What a service begins with: until what is returned is dropped, errors, logs and
    /// [`open_boundaries`](SessionFactory::open_boundaries) name it.
    fn enter(&mut self, service: Site) -> InService;
}

impl<DB: Backend> LentSession for Session<DB> {
    type Database = DB;
    type Factory = SessionFactory<DB>;
    type Lent = Self;

    fn enter(&mut self, service: Site) -> InService {
        let trail = &self.core.trail;
        let span = spans::service(&trail.innermost_span(), service);
        InService::enter(trail, service, span)
    }
}

/// A session factory type, as a parameter names it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session factory of demarcate",
    label = "expected `demarcate::sqlite::SessionFactory`, or that of another database"
)]
pub trait OpensSessions {
    /// The factory's database.
    type Database: Backend;
}

impl<DB: Backend> OpensSessions for SessionFactory<DB> {
    type Database = DB;
}

/// A return type that can say that something failed.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that something failed",
    label = "expected `Result<T, E>`",
    note = "`Ok` commits and `Err` rolls back; return `Result<T, E>`"
)]
pub trait Fallible {
    /// What it gives if nothing failed.
    type Ok;
    /// What it gives if something failed.
    type Error;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Error = E;
}

/// `S`, if it is a session. Of another type nothing is said but that.
pub type SessionOf<S> = <S as LentSession>::Lent;

/// What takes the place of `&mut S` in the signature of a router.
pub type FactoryOf<S> = <S as LentSession>::Factory;

/// What a job with a session `S` and the return type `R` makes.
pub type JobOf<S, R> = Job<<S as LentSession>::Database, <R as Fallible>::Ok>;

/// What a job with a factory `F` and the return type `R` makes.
pub type FactoryJobOf<F, R> = Job<<F as OpensSessions>::Database, <R as Fallible>::Ok>;

/// What a job with a session `S` makes that gives a `T`, where that has no name: `impl Trait`.
pub type PlainJobOf<S, T> = Job<<S as LentSession>::Database, T>;

/// What a job with a factory `F` makes that gives a `T`, where that has no name.
pub type PlainFactoryJobOf<F, T> = Job<<F as OpensSessions>::Database, T>;

/// An error that a router can return: the boundary's own errors fit in.
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` of a router cannot hold `demarcate::Error`; write `impl From<demarcate::Error> for {Self}`",
    label = "is not `From<demarcate::Error>`",
    note = "the boundary itself can fail, in its begin or its commit, and the router returns that as its own error"
)]
pub trait RouterError {
    /// That error as one of the router's.
    fn from_boundary(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> RouterError for E {
    fn from_boundary(error: Error) -> Self {
        error.into()
    }
}

/// The body of `#[router_tx]`. An `Ok` of which `fails` says yes rolls back.
pub async fn router<DB, T, E, F, A>(
    site: Site,
    db: &SessionFactory<DB>,
    options: TxOptions,
    body: F,
    fails: A,
) -> Result<T, E>
where
    DB: Backend,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
    E: RouterError + 'static,
    A: Fn(&T) -> bool + Send,
{
    router_keeping(site, db, options, keeps_nothing, body, fails).await
}

/// The body of `#[router_tx(no_rollback_for = ..)]`: an error of which `keeps` says yes commits.
pub async fn router_keeping<DB, T, E, K, F, A>(
    site: Site,
    db: &SessionFactory<DB>,
    options: TxOptions,
    keeps: K,
    body: F,
    fails: A,
) -> Result<T, E>
where
    DB: Backend,
    K: Fn(&E) -> bool + Send,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
    E: RouterError + 'static,
    A: Fn(&T) -> bool + Send,
{
    let judge = move |result: &Result<T, E>| Verdict::answering(result, &keeps, &fails);
    boundary::run(site, db.engine(), options, Stop::never(), body, judge)
        .await
        .map_err(|failed| failed.into_error(E::from_boundary))
}

/// The body of `#[router_tx(retry = ..)]`, which can be run again.
pub async fn router_again<DB, T, E, K, F, A>(
    site: Site,
    db: &SessionFactory<DB>,
    options: TxOptions,
    keeps: K,
    body: F,
    fails: A,
) -> Result<T, E>
where
    DB: Backend,
    K: Fn(&E) -> bool + Send + Sync,
    F: AsyncFnMut(&mut Session<DB>) -> Result<T, E>,
    F: for<'s> SendMut<&'s mut Session<DB>, Out = Result<T, E>>,
    E: RouterError + 'static,
    A: Fn(&T) -> bool + Send + Sync,
{
    let judge = |result: &Result<T, E>| Verdict::answering(result, &keeps, &fails);
    boundary::run_again(site, db.engine(), options, Stop::never(), body, judge)
        .await
        .map_err(|failed| failed.into_error(E::from_boundary))
}

/// Every error rolls back, where there is no `no_rollback_for`.
pub fn keeps_nothing<E>(_: &E) -> bool {
    false
}

/// What a service with `requires(..)` asks next.
pub fn requires<DB: Backend>(tx: &mut Session<DB>, needs: Needs) {
    tx.core.require(needs);
}

/// The body of `#[background_job]` with a session.
pub fn session_job<DB, T, E, F>(site: Site, options: TxOptions, body: F) -> Job<DB, T>
where
    DB: Backend,
    T: Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E> + Send + 'static,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
{
    job::in_session(site, options, Verdict::of, body)
}

/// The body of `#[background_job(no_rollback_for = ..)]`.
pub fn session_job_keeping<DB, T, E, K, F>(
    site: Site,
    options: TxOptions,
    keeps: K,
    body: F,
) -> Job<DB, T>
where
    DB: Backend,
    T: Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    K: Fn(&E) -> bool + Send + 'static,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E> + Send + 'static,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
{
    let judge = move |result: &Result<T, E>| Verdict::keeping(result, &keeps);
    job::in_session(site, options, judge, body)
}

/// The body of `#[background_job(retry = ..)]`: `runs` is called once, and runs the job's function as often as need be.
/// What the job was given belongs to `runs`, which clones it for each run.
pub fn session_job_again<DB, T, F, Fut>(site: Site, options: TxOptions, runs: F) -> Job<DB, T>
where
    DB: Backend,
    T: Send + 'static,
    F: FnOnce(JobRuns<DB>) -> Fut + Send + 'static,
    Fut: Future<Output = Ended<T>> + Send + 'static,
{
    job::in_runs(site, options, runs)
}

/// The body of `#[background_job]` with a session factory.
pub fn factory_job<DB, T, E, F>(site: Site, body: F) -> Job<DB, T>
where
    DB: Backend,
    T: Send + 'static,
    E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    F: AsyncFnOnce(&SessionFactory<DB>) -> Result<T, E> + Send + 'static,
    F: for<'s> SendOnce<&'s SessionFactory<DB>, Out = Result<T, E>>,
{
    job::with_factory(site, body)
}
