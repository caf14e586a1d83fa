//! The policies of a background job: how its result is judged, and how often its body runs.
//!
//! The policy stands before the body, so that its type is known when the compiler comes to the body's closure: the policy
//! says whether that is called once or again, and with what.

use std::error::Error as StdError;

use crate::backend::Backend;
use crate::boundary::Verdict;
use crate::factory::SessionFactory;
use crate::job::{self, Ended, Job, JobRuns};
use crate::options::TxOptions;
use crate::scope::site::Site;
use crate::session::Session;
use crate::util::send_closure::SendOnce;

/// Runs the body once. An error that `K` accepts commits.
pub struct Once<K>(pub K);

/// Runs the body again where the options ask for it. An error that `K` accepts commits.
pub struct Again<K>(pub K);

/// Runs the body once with a session factory, for a job that opens boundaries of its own.
pub struct WithFactory;

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
