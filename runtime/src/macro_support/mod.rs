//! The functions and types that expansions name. They are not for use by hand, and may change with every release.

mod forbidden;
mod lifted;
pub(crate) mod outcome;
pub(crate) mod probe;
pub(crate) mod texts;
pub(crate) mod verdict;
mod ways;

use std::error::Error as StdError;

use crate::backend::Backend;
use crate::boundary::{self, Verdict};
use crate::error::Error;
use crate::factory::SessionFactory;
use crate::job::{Job, JobError};
use crate::observe::spans;
use crate::options::TxOptions;
use crate::scope::activity::InService;
use crate::scope::site::Site;
use crate::session::Session;
use crate::session::requirements::Requirements;
use crate::util::cancel::CancelToken;
use crate::util::send_closure::{SendMut, SendOnce, SendOnce2};

mod policy;

pub use lifted::Lifted;
pub use policy::{Again, JobPolicy, Once, WithFactory};

/// A session type, as a parameter names it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session of demarcate",
    label = "expected `demarcate::sqlite::Session`, or that of another database",
    note = "the session's type is `demarcate::{{sqlite, postgres, mysql}}::Session`, or an alias of one"
)]
pub trait LentSession {
    /// The database of the session.
    type Database: Backend;
    /// The factory that opens such sessions.
    type Factory;
    /// `Self`, so that [`SessionOf`] can name it.
    type Lent: ?Sized;

    /// Marks the begin of a service. Until the returned guard is dropped, errors, logs and
    /// [`open_boundaries`](SessionFactory::open_boundaries) name the service.
    fn enter(&mut self, service: Site) -> InService;
}

impl<DB: Backend> LentSession for Session<DB> {
    type Database = DB;
    type Factory = SessionFactory<DB>;
    type Lent = Self;

    fn enter(&mut self, service: Site) -> InService {
        InService::enter(&self.core.activity, service, spans::service(service))
    }
}

/// A session factory type, as a parameter names it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a session factory of demarcate",
    label = "expected `demarcate::sqlite::SessionFactory`, or that of another database"
)]
pub trait OpensSessions {
    /// The database of the factory.
    type Database: Backend;
}

impl<DB: Backend> OpensSessions for SessionFactory<DB> {
    type Database = DB;
}

/// A return type that can report a failure: a `Result`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot say that something failed",
    label = "expected `Result<T, E>`",
    note = "`Ok` commits and `Err` rolls back; return `Result<T, E>`"
)]
pub trait Fallible {
    /// The type of the success value.
    type Ok;
    /// The type of the error.
    type Error;
}

impl<T, E> Fallible for Result<T, E> {
    type Ok = T;
    type Error = E;
}

/// `S`, if it is a session. For another type, the compiler reports that alone.
pub type SessionOf<S> = <S as LentSession>::Lent;

/// The database of a session `S`.
pub type DatabaseOf<S> = <S as LentSession>::Database;

/// The database of a session factory `F`.
pub type FactoryDatabaseOf<F> = <F as OpensSessions>::Database;

/// What a router takes in place of its session `S`: a [`SessionFactory`].
///
/// Editors and rustdoc show it in the signature of a router, where the tokens do not tell the database.
///
/// ```
/// # #[cfg(feature = "sqlite")] {
/// use demarcate::sqlite::{Session, SessionFactory};
/// use demarcate::{Error, FactoryOf, router_tx};
///
/// #[router_tx]
/// async fn ping(tx: &mut Session) -> Result<(), Error> {
///     Ok(())
/// }
///
/// // As the attribute has it: `async fn ping(tx: demarcate::FactoryOf<Session>) -> Result<(), Error>`.
/// async fn twice(db: FactoryOf<Session>) -> Result<(), Error> {
///     let same: &SessionFactory = &db;
///     ping(same.clone()).await?;
///     ping(db).await
/// }
/// # let _ = twice;
/// # }
/// ```
pub type FactoryOf<S> = <S as LentSession>::Factory;

/// The return type of a job function that has a session `S` and was written with the return type `R`.
pub type JobOf<S, R> = Job<<S as LentSession>::Database, <R as Fallible>::Ok>;

/// The same for a job function with a factory `F`.
pub type FactoryJobOf<F, R> = Job<<F as OpensSessions>::Database, <R as Fallible>::Ok>;

/// The return type of a job function with a session `S` whose success value `T` has no name: `impl Trait`.
pub type PlainJobOf<S, T> = Job<<S as LentSession>::Database, T>;

/// The same for a job function with a factory `F`.
pub type PlainFactoryJobOf<F, T> = Job<<F as OpensSessions>::Database, T>;

/// An error that a router can return, since the boundary's own errors convert into it.
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` of a router cannot hold `demarcate::Error`; return an error type of your own, with \
               `impl From<demarcate::Error>` for it",
    label = "is not `From<demarcate::Error>`",
    note = "the boundary itself can fail, in its begin or its commit, and the router returns that as its own error"
)]
pub trait RouterError {
    /// Converts an error of the boundary.
    fn from_boundary(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Error>> RouterError for E {
    fn from_boundary(error: Error) -> Self {
        error.into()
    }
}

/// Runs the body of a router once. An error that `keeps` accepts commits; an `Ok` that `fails` accepts rolls back.
///
/// It and [`router_again`] are two functions, where a job has a policy: a policy's method would return a future that is
/// known only as an associated type, and whoever asks whether a handler is `Send` would have to prove the bounds of that
/// type anew. rustc does so for every lifetime in `T`, and refuses a handler that returns `&'static str`
/// (rust-lang/rust#130113).
pub async fn router<DB, T, E, K, F, A>(
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
    boundary::run(
        site,
        db.engine(),
        options,
        CancelToken::never(),
        body,
        judge,
    )
    .await
    .map_err(|failed| failed.into_error(E::from_boundary))
}

/// Runs the body of a router, again where the options ask for it; otherwise like [`router`].
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
    boundary::run_again(
        site,
        db.engine(),
        options,
        CancelToken::never(),
        body,
        judge,
    )
    .await
    .map_err(|failed| failed.into_error(E::from_boundary))
}

/// Accepts no error, where there is no `no_rollback_for`.
pub fn keeps_nothing<E>(_: &E) -> bool {
    false
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

/// Lifts a rule of the statement guard for the rest of the boundary. A connection on which a statement then leaves something
/// is closed at the end.
pub fn allow<DB: Backend>(tx: &mut Session<DB>, lifted: &'static Lifted) {
    tx.core.fitness.allow(lifted.rule());
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use demarcate_rules::{Args, Errors, Kind};

    use crate::options::{Isolation, ReadPreference, TxOptions};
    use crate::postgres::SessionFactory;

    /// Where an attribute states all of them, it refuses the options that a factory with a replica refuses, for the same
    /// reason.
    #[tokio::test]
    async fn an_attribute_and_a_factory_refuse_the_same_options_of_a_replica() {
        let db = SessionFactory::builder()
            .url("postgres://nobody@localhost:1/primary")
            .replica("postgres://nobody@localhost:1/replica")
            .connect_lazy()
            .unwrap();
        let mut refused = 0;
        for (preference, replica) in [
            ("Prefer", ReadPreference::Prefer),
            ("Require", ReadPreference::Require),
            ("Never", ReadPreference::Never),
        ] {
            for (level, isolation) in [
                ("ReadCommitted", Isolation::ReadCommitted),
                ("RepeatableRead", Isolation::RepeatableRead),
                ("Serializable", Isolation::Serializable),
            ] {
                for access in ["read_only", "read_write"] {
                    let written = format!("replica = {preference}, isolation = {level}, {access}");
                    let mut errors = Errors::default();
                    let tokens = written.parse().expect("tokens");
                    let _ = Args::parse(Kind::Router, tokens, &mut errors);
                    let options = TxOptions::new().replica(replica).isolation(isolation);
                    let options = match access {
                        "read_only" => options.read_only(),
                        _ => options.read_write(),
                    };
                    let at_run_time = db.engine().replicas().check(&options).err();
                    let reason = |text: String| text.split(';').next().map(str::to_owned);
                    let at_run_time = at_run_time.and_then(|error| reason(error.message_line()));
                    let at_compile_time = errors.iter().next();
                    let at_compile_time =
                        at_compile_time.and_then(|mistake| reason(mistake.error.to_string()));
                    // A boundary that never reads from a replica may write; the attribute says that `replica` is in vain.
                    if preference != "Never" {
                        assert_eq!(at_compile_time, at_run_time, "{written}");
                        refused += usize::from(at_run_time.is_some());
                    }
                }
            }
        }
        assert_eq!(refused, 3 + 3 + 1);
    }
}
