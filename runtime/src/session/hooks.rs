//! Registers and runs the hooks that a body leaves for the end of its transaction, before or after it.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use futures_util::FutureExt;
use sqlx::error::BoxDynError as BoxError;
use sync_wrapper::SyncWrapper;

use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::Error;
use crate::scope::current;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;
use crate::session::Session;
use crate::targets;
use crate::util::send_closure::SendOnce;

/// Starts a job on the engine of the boundary that has ended.
pub(crate) type StartJob<DB> = dyn FnOnce(&Arc<Engine<DB>>) + Send;

/// Work to run after a transaction has ended.
#[doc(hidden)]
pub enum HookKind<DB: Backend> {
    /// A future, which is awaited before the next hook runs.
    Future(BoxFuture<'static, ()>),
    /// A job, which is started and not awaited.
    Job(Box<StartJob<DB>>),
}

/// A future of `()`, or a [`Job`](crate::Job): the argument of
/// [`Session::after_commit`](crate::Session::after_commit) and
/// [`Session::after_rollback`](crate::Session::after_rollback).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run after the commit",
    label = "neither a future of `()` nor a job of this database",
    note = "give `after_commit` a background job, as in `tx.after_commit(ship(order.id))`, or a future, as in \
            `tx.after_commit(async move {{ cache.invalidate(id).await }})`"
)]
pub trait Hook<DB: Backend> {
    #[doc(hidden)]
    fn into_hook(self) -> HookKind<DB>;
}

impl<DB: Backend, F> Hook<DB> for F
where
    F: Future<Output = ()> + Send + 'static,
{
    fn into_hook(self) -> HookKind<DB> {
        HookKind::Future(Box::pin(self))
    }
}

type Before<DB> =
    dyn for<'s> FnOnce(&'s mut Session<DB>) -> BoxFuture<'s, Result<(), BoxError>> + Send;

/// The hooks that a body has registered.
///
/// Hooks are `Send` and not `Sync`. They are reached through `&mut` alone, so the wrapper is `Sync`, and with it the
/// session: a repository that holds one implements a trait that is `Send + Sync`.
pub(crate) struct Hooks<DB: Backend>(SyncWrapper<Registered<DB>>);

/// The hooks, by the time at which they run.
struct Registered<DB: Backend> {
    before_commit: VecDeque<Box<Before<DB>>>,
    after_commit: Vec<HookKind<DB>>,
    after_rollback: Vec<HookKind<DB>>,
    /// Rollback hooks of savepoints that were rolled back. They run however the transaction ends.
    undone: Vec<HookKind<DB>>,
}

/// The number of hooks of each kind when a savepoint was set.
#[derive(Clone, Copy)]
pub(crate) struct HookCounts {
    before_commit: usize,
    after_commit: usize,
    after_rollback: usize,
}

impl<DB: Backend> Default for Hooks<DB> {
    fn default() -> Self {
        Self(SyncWrapper::new(Registered {
            before_commit: VecDeque::new(),
            after_commit: Vec::new(),
            after_rollback: Vec::new(),
            undone: Vec::new(),
        }))
    }
}

impl<DB: Backend> Hooks<DB> {
    fn registered(&mut self) -> &mut Registered<DB> {
        self.0.get_mut()
    }

    pub(crate) fn before_commit<E, F>(&mut self, hook: F)
    where
        F: AsyncFnOnce(&mut Session<DB>) -> Result<(), E> + Send + 'static,
        F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<(), E>>,
        E: Into<BoxError> + Send + 'static,
    {
        let hook: Box<Before<DB>> =
            Box::new(move |tx| Box::pin(async move { hook(tx).await.map_err(Into::into) }));
        self.registered().before_commit.push_back(hook);
    }

    fn next_before_commit(&mut self) -> Option<Box<Before<DB>>> {
        self.registered().before_commit.pop_front()
    }

    pub(crate) fn after_commit(&mut self, hook: HookKind<DB>) {
        self.registered().after_commit.push(hook);
    }

    pub(crate) fn after_rollback(&mut self, hook: HookKind<DB>) {
        self.registered().after_rollback.push(hook);
    }

    pub(crate) fn counts(&mut self) -> HookCounts {
        let hooks = self.registered();
        HookCounts {
            before_commit: hooks.before_commit.len(),
            after_commit: hooks.after_commit.len(),
            after_rollback: hooks.after_rollback.len(),
        }
    }

    /// Drops the commit hooks registered since `counts` was taken, after the rollback of a savepoint. The rollback hooks
    /// registered since then become due.
    pub(crate) fn undo(&mut self, counts: HookCounts) {
        let hooks = self.registered();
        hooks.before_commit.truncate(counts.before_commit);
        hooks.after_commit.truncate(counts.after_commit);
        let kept = counts.after_rollback.min(hooks.after_rollback.len());
        hooks.undone.extend(hooks.after_rollback.drain(kept..));
    }

    /// Takes the hooks to run after a commit.
    pub(crate) fn committed(&mut self) -> Vec<HookKind<DB>> {
        let hooks = self.registered();
        let mut due = std::mem::take(&mut hooks.undone);
        due.append(&mut hooks.after_commit);
        due
    }

    /// Takes the hooks to run after a rollback.
    pub(crate) fn rolled_back(&mut self) -> Vec<HookKind<DB>> {
        let hooks = self.registered();
        let mut due = std::mem::take(&mut hooks.undone);
        due.append(&mut hooks.after_rollback);
        due
    }

    /// Takes the hooks to run when the outcome of the commit is unknown: those of savepoints alone. Logs the others.
    pub(crate) fn unknown(&mut self, site: Site) -> Vec<HookKind<DB>> {
        let hooks = self.registered();
        let waiting = hooks.after_commit.len() + hooks.after_rollback.len();
        if waiting > 0 {
            tracing::error!(
                target: targets::HOOKS,
                boundary = %site,
                hooks = waiting,
                "the outcome of the commit is unknown; its hooks do not run",
            );
        }
        std::mem::take(&mut hooks.undone)
    }
}

/// Runs the `before_commit` hooks in order, including hooks that they register.
pub(crate) async fn run_before_commit<DB: Backend>(tx: &mut Session<DB>) -> Result<(), Error> {
    while let Some(hook) = tx.core.hooks.next_before_commit() {
        // A hook that registers itself again and sends nothing would never yield, and the timeout would never fire.
        tokio::task::consume_budget().await;
        if let Err(error) = hook(tx).await {
            return Err(refused(tx.core.activity.place_of_run(), error));
        }
        tx.core.check()?;
    }
    Ok(())
}

/// Converts the error of a `before_commit` hook. An [`Error`] or a `sqlx::Error` keeps its type.
fn refused(place: ErrorContext, error: BoxError) -> Error {
    let error = match error.downcast::<Error>() {
        Ok(error) => return *error,
        Err(error) => error,
    };
    match error.downcast::<sqlx::Error>() {
        Ok(error) => Error::from(*error).at(|| place),
        Err(source) => Error::BeforeCommit { place, source },
    }
}

/// Runs hooks after the end of a transaction. A factory that is closing waits for them.
pub(crate) async fn run<DB: Backend>(
    engine: &Arc<Engine<DB>>,
    site: Site,
    hooks: Vec<HookKind<DB>>,
) {
    if hooks.is_empty() {
        return;
    }
    let pool = engine.pool();
    let run = async {
        for hook in hooks {
            match hook {
                HookKind::Job(start) => start(engine),
                HookKind::Future(hook) => {
                    let hook = pool.stop_token().run(AssertUnwindSafe(hook).catch_unwind());
                    match hook.await {
                        Some(Ok(())) => {}
                        Some(Err(_)) => {
                            tracing::error!(target: targets::HOOKS, boundary = %site, "a hook panicked after the end of the transaction; the remaining hooks run");
                        }
                        None => {
                            tracing::warn!(target: targets::HOOKS, boundary = %site, "a hook was stopped because the session factory closed");
                        }
                    }
                }
            }
        }
    };
    current::let_in(pool.identity(), run).await;
}
