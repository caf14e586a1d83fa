//! What a body leaves to be done before or after the end of its transaction.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use futures_util::FutureExt;
use sqlx::error::BoxDynError as BoxError;

use crate::backend::Backend;
use crate::engine::Engine;
use crate::error::Error;
use crate::scope::current;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;
use crate::session::Session;
use crate::targets;
use crate::util::send_closure::SendOnce;

/// What is done once a transaction has ended.
#[doc(hidden)]
pub enum HookKind<DB: Backend> {
    /// Awaited, in order, before the next.
    Future(BoxFuture<'static, ()>),
    /// Started, in order, and not waited for.
    Job(Box<dyn FnOnce(&Arc<Engine<DB>>) + Send>),
}

/// What [`Session::after_commit`](crate::Session::after_commit) and
/// [`Session::after_rollback`](crate::Session::after_rollback) take: a future of `()`, or a [`Job`](crate::Job).
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

/// What a body has registered.
pub(crate) struct Hooks<DB: Backend> {
    before_commit: VecDeque<Box<Before<DB>>>,
    after_commit: Vec<HookKind<DB>>,
    after_rollback: Vec<HookKind<DB>>,
    /// Those for a rollback that has happened: that of a savepoint.
    undone: Vec<HookKind<DB>>,
}

/// How many of each kind there were at some time.
#[derive(Clone, Copy)]
pub(crate) struct HookCounts {
    before_commit: usize,
    after_commit: usize,
    after_rollback: usize,
}

impl<DB: Backend> Default for Hooks<DB> {
    fn default() -> Self {
        Self {
            before_commit: VecDeque::new(),
            after_commit: Vec::new(),
            after_rollback: Vec::new(),
            undone: Vec::new(),
        }
    }
}

impl<DB: Backend> Hooks<DB> {
    pub(crate) fn before_commit<E, F>(&mut self, hook: F)
    where
        F: AsyncFnOnce(&mut Session<DB>) -> Result<(), E> + Send + 'static,
        F: for<'s> SendOnce<&'s mut Session<DB>, Out = Result<(), E>>,
        E: Into<BoxError> + Send + 'static,
    {
        self.before_commit.push_back(Box::new(move |tx| {
            Box::pin(async move { hook(tx).await.map_err(Into::into) })
        }));
    }

    pub(crate) fn after_commit(&mut self, hook: HookKind<DB>) {
        self.after_commit.push(hook);
    }

    pub(crate) fn after_rollback(&mut self, hook: HookKind<DB>) {
        self.after_rollback.push(hook);
    }

    pub(crate) fn counts(&self) -> HookCounts {
        HookCounts {
            before_commit: self.before_commit.len(),
            after_commit: self.after_commit.len(),
            after_rollback: self.after_rollback.len(),
        }
    }

    /// What was done since the mark has been undone.
    pub(crate) fn undo(&mut self, counts: HookCounts) {
        self.before_commit.truncate(counts.before_commit);
        self.after_commit.truncate(counts.after_commit);
        let undone = self
            .after_rollback
            .drain(counts.after_rollback.min(self.after_rollback.len())..);
        self.undone.extend(undone);
    }

    /// Those for a transaction that was committed.
    pub(crate) fn committed(&mut self) -> Vec<HookKind<DB>> {
        let mut hooks = std::mem::take(&mut self.undone);
        hooks.append(&mut self.after_commit);
        hooks
    }

    /// Those for a transaction that was rolled back.
    pub(crate) fn rolled_back(&mut self) -> Vec<HookKind<DB>> {
        let mut hooks = std::mem::take(&mut self.undone);
        hooks.append(&mut self.after_rollback);
        hooks
    }

    /// Those for a transaction of which nobody knows what became of it.
    pub(crate) fn unknown(&mut self, site: Site) -> Vec<HookKind<DB>> {
        let waiting = self.after_commit.len() + self.after_rollback.len();
        if waiting > 0 {
            tracing::error!(
                target: targets::HOOKS,
                boundary = %site,
                hooks = waiting,
                "the outcome of the commit is not known: no hook after it is run",
            );
        }
        std::mem::take(&mut self.undone)
    }
}

/// Runs the hooks before a commit, in order, those that they register included.
pub(crate) async fn run_before_commit<DB: Backend>(tx: &mut Session<DB>) -> Result<(), Error> {
    while let Some(hook) = tx.core.hooks.before_commit.pop_front() {
        // One that registers itself again and sends nothing would never let the timeout have its turn.
        tokio::task::consume_budget().await;
        if let Err(error) = hook(tx).await {
            return Err(refused(tx.core.activity.place_of_run(), error));
        }
        tx.core.check()?;
    }
    Ok(())
}

/// Ours and the database's own stay what they are.
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

/// Runs the hooks after the end of a transaction. A factory that closes waits for them.
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
                            tracing::error!(target: targets::HOOKS, boundary = %site, "a hook panicked after the end of the transaction; the others run");
                        }
                        None => {
                            tracing::error!(target: targets::HOOKS, boundary = %site, "a hook was not done when the session factory closed");
                        }
                    }
                }
            }
        }
    };
    current::let_in(pool.identity(), run).await;
}
