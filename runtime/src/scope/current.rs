//! Which boundaries the running task is inside of.
//!
//! The record is a task-local that wraps the body's future, and nothing else: two boundaries side by
//! side in a `join!`, or on a spawned task, do not see each other, while whatever the body calls does.

use std::sync::Arc;

use crate::scope::activity::Activity;
use crate::scope::place::ErrorContext;
use crate::scope::site::Site;

tokio::task_local! {
    static OPEN: Frame;
    /// The pool on which this task does what was let in before the pool began to close.
    static LET_IN: usize;
}

/// One open boundary, and those around it.
#[derive(Clone)]
pub(crate) struct Frame(Arc<Open>);

struct Open {
    activity: Arc<Activity>,
    pool: usize,
    outer: Option<Frame>,
}

impl Frame {
    pub(crate) fn new(activity: Arc<Activity>, pool: usize) -> Self {
        let outer = OPEN.try_with(Frame::clone).ok();
        Self(Arc::new(Open {
            activity,
            pool,
            outer,
        }))
    }

    /// Runs a boundary's body inside this frame.
    pub(crate) async fn scope<F: Future>(self, body: F) -> F::Output {
        OPEN.scope(self, body).await
    }
}

/// Where `error` happened, which somebody inside a boundary has.
pub(crate) fn place_of(error: &sqlx::Error) -> ErrorContext {
    OPEN.try_with(|frame| frame.0.activity.place_of(error))
        .unwrap_or_default()
}

/// The boundary around the caller that holds, or may come to hold, a connection of this pool.
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

/// Runs what a closing pool still waits for: a job, a hook.
pub(crate) async fn let_in<F: Future>(pool: usize, work: F) -> F::Output {
    LET_IN.scope(pool, work).await
}

/// Whether the caller is such work, or inside a boundary that is open.
pub(crate) fn is_let_in(pool: usize) -> bool {
    LET_IN.try_with(|let_in| *let_in == pool).unwrap_or(false) || holder(pool).is_some()
}
