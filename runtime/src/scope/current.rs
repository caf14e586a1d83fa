//! Task-locals that record the open boundaries around the running code.
//!
//! The task-local wraps the future of a boundary's body only. Everything that the body calls sees the boundary. Two
//! boundaries side by side in a `join!`, or a task spawned by the body, do not.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use tokio::task;

use crate::scope::activity::Activity;
use crate::scope::place::ErrorContext;
use crate::scope::site::{Site, SiteKind};

tokio::task_local! {
    static OPEN: Frame;
    /// The pool that still accepts boundaries of this task while it is closing.
    static LET_IN: usize;
    /// A connection is being taken by a boundary itself.
    static TAKING: ();
    /// A background job runs.
    static IN_JOB: ();
    /// The task for which this one works.
    static ON_BEHALF_OF: Option<task::Id>;
}

/// An open boundary, linked to the boundaries around it.
#[derive(Clone)]
pub(crate) struct Frame(Arc<Open>);

struct Open {
    activity: Arc<Activity>,
    pool: usize,
    outer: Option<Frame>,
}

impl Frame {
    /// Creates the frame of a boundary that is opened inside those of the current task.
    pub(crate) fn new(activity: Arc<Activity>, pool: usize) -> Self {
        let outer = OPEN.try_with(Frame::clone).ok();
        Self(Arc::new(Open {
            activity,
            pool,
            outer,
        }))
    }

    /// Runs a boundary's body inside this frame, with the spans of its services entered.
    pub(crate) async fn scope<F: Future>(self, body: F) -> F::Output {
        let activity = Arc::clone(&self.0.activity);
        let mut body = pin!(OPEN.scope(self, body));
        poll_fn(move |cx| activity.poll(|| body.as_mut().poll(cx))).await
    }
}

/// Returns where `error` happened: at the failed statement of the innermost boundary around the caller that has met it, else
/// somewhere in the run of the innermost boundary. Empty outside a boundary.
///
/// A body can work on the sessions of two databases, whose boundaries are one inside the other.
pub(crate) fn place_of(error: &sqlx::Error) -> ErrorContext {
    OPEN.try_with(|innermost| {
        let mut around = std::iter::successors(Some(innermost), |frame| frame.0.outer.as_ref());
        around
            .find_map(|frame| frame.0.activity.place_of(error))
            .unwrap_or_else(|| innermost.0.activity.place_of_run())
    })
    .unwrap_or_default()
}

/// Returns where the caller is, according to the boundary around it. Empty outside a boundary.
pub(crate) fn place() -> ErrorContext {
    OPEN.try_with(|frame| frame.0.activity.place_of_service())
        .unwrap_or_default()
}

/// Returns the innermost boundary around the caller that uses this pool, and so holds or may acquire a connection of
/// it.
pub(crate) fn holder(pool: usize) -> Option<Site> {
    OPEN.try_with(|frame| {
        let mut next = Some(frame);
        while let Some(frame) = next {
            if frame.0.pool == pool {
                return Some(frame.0.activity.site());
            }
            next = frame.0.outer.as_ref();
        }
        None
    })
    .ok()
    .flatten()
}

/// Takes a connection for the boundary itself, which no [`tripwire`](crate::tripwire) refuses.
pub(crate) async fn taking<F: Future>(taken: F) -> F::Output {
    TAKING.scope((), taken).await
}

/// Returns the run of the innermost transaction around the caller, unless it is the boundary itself that calls.
pub(crate) fn past_the_session() -> Option<Arc<Activity>> {
    if TAKING.try_with(|()| ()).is_ok() {
        return None;
    }
    let activity = OPEN.try_with(|frame| Arc::clone(&frame.0.activity)).ok()?;
    let is_transaction = !matches!(
        activity.site().kind(),
        SiteKind::Connection | SiteKind::Migration
    );
    is_transaction.then_some(activity)
}

/// Runs a job or a hook for which a closing pool still waits, and whose boundaries it therefore accepts.
pub(crate) async fn let_in<F: Future>(pool: usize, work: F) -> F::Output {
    LET_IN.scope(pool, work).await
}

/// Whether a closing pool accepts a boundary of the caller: inside [`let_in`], or inside an open boundary of the pool.
pub(crate) fn is_let_in(pool: usize) -> bool {
    LET_IN.try_with(|let_in| *let_in == pool).unwrap_or(false) || holder(pool).is_some()
}

/// Runs a background job.
pub(crate) async fn in_job<F: Future>(job: F) -> F::Output {
    IN_JOB.scope((), job).await
}

/// Whether the caller is a background job.
pub(crate) fn is_in_job() -> bool {
    IN_JOB.try_with(|()| ()).is_ok()
}

/// Runs work in a task of its own for another task, whose reads and writes they are.
pub(crate) async fn on_behalf_of<F: Future>(task: Option<task::Id>, work: F) -> F::Output {
    ON_BEHALF_OF.scope(task, work).await
}

/// Returns the task whose reads and writes the caller's are.
pub(crate) fn task() -> Option<task::Id> {
    ON_BEHALF_OF
        .try_with(|task| *task)
        .unwrap_or_else(|_| task::try_id())
}
