//! Runs a boundary: admits it, runs its body, and commits or rolls back.

mod retry;
mod verdict;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

pub(crate) use self::retry::run_again;
pub(crate) use self::verdict::{Failed, Verdict};
use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::Error;
use crate::observe::spans;
use crate::observe::stats::{Record, RunOutcome};
use crate::options::TxOptions;
use crate::options::effective::Effective;
use crate::pool::Guest;
use crate::scope::activity::Activity;
use crate::scope::current::Frame;
use crate::scope::place::{ErrorContext, TransactionId};
use crate::scope::site::Site;
use crate::session::Session;
use crate::session::commit::NotCommitted;
use crate::session::hooks;
use crate::session::transaction::Core;
use crate::targets;
use crate::util::cancel::CancelToken;
use crate::util::detach::DetachOnDrop;
use crate::util::send_closure::SendOnce;

/// A boundary that was admitted. A factory that is closing waits for it, also between two runs.
struct Admitted<'a, DB: Backend> {
    _guest: Guest,
    site: Site,
    transaction: TransactionId,
    record: Arc<Record>,
    engine: &'a Arc<Engine<DB>>,
    options: Arc<Effective>,
    stop: CancelToken,
    limit: Duration,
    deadline: Instant,
}

/// A run that did not commit. Its outcome is an error, or the value of a body that reports a failure, such as an HTTP
/// response with an error status.
struct FailedRun<T, E> {
    outcome: Result<T, Failed<E>>,
    may_succeed_again: bool,
    /// Whether another run adds to the load that made this one fail.
    is_contention: bool,
    /// The statement at which the connection broke.
    broke_at: Option<String>,
}

/// Runs a body once, in a new transaction.
///
/// # Cancel safety
///
/// If the future is dropped before the body has completed, the transaction is rolled back. If it is dropped later, the
/// commit and the hooks continue in the background.
pub(crate) async fn run<DB, T, E, F>(
    site: Site,
    engine: &Arc<Engine<DB>>,
    options: TxOptions,
    stop: CancelToken,
    body: F,
    judge: impl Fn(&Result<T, E>) -> Verdict + Send,
) -> Result<T, Failed<E>>
where
    DB: Backend,
    E: 'static,
    F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
    F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
{
    let admitted = Admitted::new::<E>(site, engine, options, stop).map_err(Failed::Boundary)?;
    admitted
        .attempt(1, body, judge, None)
        .await
        .or_else(|attempt| attempt.outcome)
}

impl<'a, DB: Backend> Admitted<'a, DB> {
    /// Admits a boundary. Rejects it if it is known to fail, before a connection is acquired.
    fn new<E: 'static>(
        site: Site,
        engine: &'a Arc<Engine<DB>>,
        options: TxOptions,
        stop: CancelToken,
    ) -> Result<Self, Error> {
        let site = site.renamed(options.name);
        // Before the check whether the factory is closing: it must not finish closing between the two.
        let guest = engine.pool().guest();
        let record = engine.record_of(site);
        let options = admit::<DB, E>(site, engine, &record, options).map_err(|error| {
            let error = error.at(|| ErrorContext::of_boundary(site));
            record.failed(error.to_string(), None);
            error
        })?;
        let limit = options.time_limit();
        Ok(Self {
            _guest: guest,
            site,
            transaction: TransactionId::random(),
            record,
            engine,
            options,
            stop,
            limit,
            deadline: Instant::now() + limit,
        })
    }

    /// Runs the body, and commits or rolls back.
    async fn attempt<T, E, F>(
        &self,
        run: u32,
        body: F,
        judge: impl Fn(&Result<T, E>) -> Verdict + Send,
        until_undone: Option<oneshot::Sender<()>>,
    ) -> Result<T, FailedRun<T, E>>
    where
        E: 'static,
        F: AsyncFnOnce(&mut Session<DB>) -> Result<T, E>,
        F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<T, E>>,
    {
        let Self {
            site,
            transaction,
            engine,
            limit,
            deadline,
            ..
        } = *self;
        let span = spans::boundary(DB::DIALECT, site, &self.options, transaction, run);
        let activity = Activity::new(
            site,
            transaction,
            run,
            self.options.is_read_only(),
            DB::DIALECT,
            span.clone(),
        );
        let frame = Frame::new(Arc::clone(&activity), engine.pool().identity());
        let (record, options) = (Arc::clone(&self.record), Arc::clone(&self.options));
        // Boxed, since it moves on into the future that commits.
        let mut session = Box::new(Session::new(Core::new(
            Arc::clone(engine),
            activity,
            record,
            options,
            deadline,
        )));
        session.core.until_undone = until_undone;
        let ended = {
            let tx: &mut Session<DB> = &mut *session;
            // Pinned here, so that what is around it holds a pointer: by value each would double the size of the future.
            let body = pin!(body(tx));
            let inside = frame.clone().scope(body).instrument(span.clone());
            let inside = engine.pool().stop_token().run(self.stop.run(inside));
            timeout_at(deadline, inside).await
        };
        let result = match ended {
            Ok(Some(Some(result))) => result,
            Ok(Some(None)) => return Err(session.core.stopped()),
            Ok(None) => return Err(session.core.closed()),
            Err(_) => return Err(session.core.out_of_time(limit, deadline)),
        };
        let is_tolerated = |error| {
            let tolerated = self.options.tolerated.as_ref();
            tolerated.is_some_and(|tolerated| tolerated.tolerates(error))
        };
        session.core.learn_outcome(deadline).await;
        if session.core.has_committed() && result.is_err() {
            tracing::warn!(target: targets::BOUNDARY, boundary = %site, "the body has returned an error after its only statement was committed");
        }
        let verdict = match &result {
            // The server has committed the only statement.
            _ if session.core.has_committed() => Verdict::Commit,
            Err(error) if is_tolerated(error) => Verdict::Commit,
            result => judge(result),
        };
        // Dropping the session rolls back in the background.
        let roll_back = |session: &Session<DB, [(); 0]>, outcome| FailedRun {
            outcome,
            may_succeed_again: session.core.fitness.may_run_again(),
            is_contention: session.core.fitness.is_contention(),
            broke_at: session.core.fitness.broke_at(),
        };
        if verdict == Verdict::RollBack {
            let failed = roll_back(&session, result.map_err(Failed::Body));
            session.core.free_lock().await;
            return Err(failed);
        }
        if let Err(error) = session.core.check_commit() {
            let error = session.core.or_unknown(error);
            // A body's own error is never replaced.
            let failed = match result {
                Ok(_) => Failed::Boundary(session.core.recorder.end_with(error)),
                Err(error) => Failed::Body(error),
            };
            return Err(roll_back(&session, Err(failed)));
        }
        let ended = {
            let tx: &mut Session<DB> = &mut *session;
            let before_commit = pin!(hooks::run_before_commit(tx));
            let inside = frame.scope(before_commit).instrument(span.clone());
            timeout_at(deadline, engine.pool().stop_token().run(inside)).await
        };
        match ended {
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(error))) => {
                let error = session.core.recorder.end_with(error);
                return Err(roll_back(&session, Err(Failed::Boundary(error))));
            }
            Ok(None) => return Err(session.core.closed()),
            Err(_) => return Err(session.core.out_of_time(limit, deadline)),
        }
        let end = async move {
            if let Err(mut failed) = session.core.commit(limit, deadline).await {
                failed.error = session.core.recorder.end_with(failed.error);
                return Err(failed);
            }
            let hooks = session.core.hooks.committed();
            // The session stays until they are done, so that the boundary is seen to run them.
            let hooks = DetachOnDrop::new(async move {
                hooks::run(&session.core.engine, site, hooks).await;
            });
            if timeout_at(deadline, hooks).await.is_err() {
                tracing::warn!(target: targets::HOOKS, boundary = %site, "the hooks after the commit are not done within the boundary's timeout; they go on in the background");
            }
            Ok(())
        };
        match DetachOnDrop::new(end.instrument(span)).await {
            Ok(()) => {
                engine.contention().succeeded();
                result.map_err(|error| FailedRun::last(Failed::Body(error)))
            }
            Err(NotCommitted {
                error,
                may_succeed_again,
            }) => Err(FailedRun {
                may_succeed_again,
                is_contention: error.classification().category.is_contention(),
                ..FailedRun::last(Failed::Boundary(error))
            }),
        }
    }
}

impl<DB: Backend> Core<DB> {
    /// Ends the run because the factory has closed.
    fn closed<T, E>(&mut self) -> FailedRun<T, E> {
        let place = self.activity.place();
        let error = self.cut_short(Error::Closed { place });
        FailedRun::last(Failed::Boundary(self.recorder.end_with(error)))
    }

    /// Ends the run because it was stopped.
    fn stopped<T, E>(&mut self) -> FailedRun<T, E> {
        match self.recorder.outcome {
            RunOutcome::RolledBack => FailedRun::last(Failed::Stopped),
            RunOutcome::Committed | RunOutcome::Unknown => self.closed(),
        }
    }

    /// Ends the run because its timeout has passed.
    fn out_of_time<T, E>(&mut self, limit: Duration, deadline: Instant) -> FailedRun<T, E> {
        let error = self.timed_out(limit, deadline);
        let error = self.cut_short(error);
        FailedRun::last(Failed::Boundary(self.recorder.end_with(error)))
    }
}

impl<T, E> FailedRun<T, E> {
    /// Builds a run after which there is no other: it has committed with a tolerated error, it was stopped, its time is
    /// over, or the factory has closed.
    fn last(failed: Failed<E>) -> Self {
        Self {
            outcome: Err(failed),
            may_succeed_again: false,
            is_contention: false,
            broke_at: None,
        }
    }
}

/// Rejects a boundary that is known to fail. Returns its resolved options otherwise.
fn admit<DB: Backend, E: 'static>(
    site: Site,
    engine: &Engine<DB>,
    record: &Record,
    options: TxOptions,
) -> Result<Arc<Effective>, Error> {
    if let Some(tolerated) = &options.tolerated {
        tolerated.check::<E>()?;
    }
    let options = engine.resolve(record, options)?;
    engine.admit(site, options.independent)?;
    Ok(options)
}
