//! What the macros' output calls. Not for use by hand, and not covered by any promise.

mod forbidden;
pub(crate) mod probe;

use std::error::Error as StdError;

use crate::backend::Backend;
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::job::{Job, JobError};
use crate::observe::spans;
use crate::options::TxOptions;
use crate::scope::activity::InService;
use crate::scope::site::Site;
use crate::session::Session;
use crate::session::requirements::Requirements;
use crate::util::send_closure::SendOnce2;

mod policy;

pub use policy::{Again, JobPolicy, Once, RouterPolicy, WithFactory, keeps_nothing};

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
        let activity = &self.core.activity;
        let span = spans::service(&activity.innermost_span(), service);
        InService::enter(activity, service, span)
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

/// Runs the body of a router in a boundary, as its policy says. An `Ok` that `fails` accepts rolls back.
pub async fn router<DB, T, E, P, F, A>(
    site: Site,
    db: &SessionFactory<DB>,
    options: TxOptions,
    policy: P,
    body: F,
    fails: A,
) -> Result<T, E>
where
    DB: Backend,
    P: RouterPolicy<DB, T, E, F>,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
    E: RouterError + 'static,
    A: Fn(&T) -> bool + Send + Sync,
{
    policy
        .run(site, db, options, body, fails, E::from_boundary)
        .await
}

/// Makes a job of the body of a background job, as its policy says.
pub fn job<DB, T, E, P, F>(site: Site, options: TxOptions, policy: P, body: F) -> Job<DB, T>
where
    DB: Backend,
    E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    P: JobPolicy<DB, T, E, F>,
{
    policy.make(site, options, body)
}

/// Calls `handler` in a session of its own when the job has failed.
pub fn on_error<DB, T, E, F>(job: Job<DB, T>, handler: F) -> Job<DB, T>
where
    DB: Backend,
    E: Into<Box<dyn StdError + Send + Sync>> + Send + 'static,
    F: AsyncFnOnce(&mut Session<DB>, &JobError) -> Result<(), E> + Send + 'static,
    F: for<'s, 'e> SendOnce2<&'s mut Session<DB>, &'e JobError, Out = Result<(), E>>,
{
    job.with_on_error(handler)
}

/// Refuses the next statement of a service with `requires(..)` where the boundary gives less.
pub fn requires<DB: Backend>(tx: &mut Session<DB>, needs: Requirements) {
    tx.core.require(needs);
}

/// Lifts a rule of the statement guard, by its code, for the rest of the boundary. A connection on which a statement then
/// leaves something is closed at the end.
pub fn allow<DB: Backend>(tx: &mut Session<DB>, rule: &'static str) {
    tx.core.fitness.allow(rule);
}
