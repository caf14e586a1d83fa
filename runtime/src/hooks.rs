//! What a body leaves to be done after its commit.

use std::panic::AssertUnwindSafe;

use futures_core::future::BoxFuture;
use futures_util::FutureExt;

use crate::backend::Backend;
use crate::factory::SessionFactory;
use crate::job::{self, Job};
use crate::site::Site;

/// Something to do once a transaction has been committed.
#[doc(hidden)]
pub enum Hook<DB: Backend> {
    /// Awaited, in order, before the boundary returns.
    Future(BoxFuture<'static, ()>),
    /// Started, in order, and not waited for.
    Job(Box<dyn FnOnce(SessionFactory<DB>) + Send>),
}

/// What [`Session::after_commit`](crate::Session::after_commit) takes: a future of `()`, or a
/// [`Job`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run after the commit",
    label = "neither a future of `()` nor a job of this database",
    note = "give `after_commit` a background job, as in `tx.after_commit(ship(order.id))`, or a future, as in \
            `tx.after_commit(async move {{ cache.invalidate(id).await }})`"
)]
pub trait AfterCommit<DB: Backend> {
    #[doc(hidden)]
    fn into_hook(self) -> Hook<DB>;
}

impl<DB: Backend, F> AfterCommit<DB> for F
where
    F: Future<Output = ()> + Send + 'static,
{
    fn into_hook(self) -> Hook<DB> {
        Hook::Future(Box::pin(self))
    }
}

impl<DB: Backend, T: Send + 'static> AfterCommit<DB> for Job<DB, T> {
    fn into_hook(self) -> Hook<DB> {
        Hook::Job(Box::new(move |db| drop(job::spawn(&db, self))))
    }
}

/// Runs the hooks of a boundary that has committed.
pub(crate) async fn run<DB: Backend>(db: &SessionFactory<DB>, site: Site, hooks: Vec<Hook<DB>>) {
    for hook in hooks {
        match hook {
            Hook::Job(start) => start(db.clone()),
            Hook::Future(hook) => {
                if AssertUnwindSafe(hook).catch_unwind().await.is_err() {
                    tracing::error!(boundary = %site, "a hook panicked after the commit; the others run");
                }
            }
        }
    }
}
