//! The current state of a run: its service, statement and connection, for errors and for the list of open boundaries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use demarcate_sql::Dialect;
use sqlx::SqlStr;
use tracing::Span;

use crate::scope::place::{ErrorContext, TransactionId};
use crate::scope::site::Site;
use crate::scope::sql_text::shown;
use crate::util::lock::lock;

/// A boundary that is open.
///
/// [`SessionFactory::open_boundaries`](crate::SessionFactory::open_boundaries) lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenBoundary {
    /// The boundary.
    pub boundary: Site,
    /// The number of its transaction.
    pub transaction: TransactionId,
    /// The number of the run. The first is 1.
    pub run: u32,
    /// How long this run has been open.
    pub open_for: Duration,
    /// The innermost [service](macro@crate::service) that runs.
    pub service: Option<Site>,
    /// The running statement, or the last one, with its literals masked, truncated to 1,000 bytes. `begin` while the
    /// transaction is beginning, as when it waits for SQLite's lock.
    pub statement: Option<String>,
    /// How long that statement has been running; `None` while no statement runs.
    pub running_for: Option<Duration>,
    /// The time since the last statement was answered; `None` while one runs, and before the first.
    pub idle_for: Option<Duration>,
    /// Whether the boundary has committed, and runs its [hooks](crate::Session::after_commit).
    pub is_committed: bool,
    /// The server's number for the connection: the backend's pid on PostgreSQL, the connection's id on MySQL.
    pub process: Option<u64>,
    /// The [replica](crate::Builder::replica) on which the boundary runs, counted from 0 in the order in which they
    /// were named; `None` on the primary.
    pub replica: Option<usize>,
}

/// The activity of one run of a boundary. The run updates it, and other tasks read it.
pub(crate) struct Activity {
    site: Site,
    transaction: TransactionId,
    run: u32,
    is_read_only: bool,
    began: Instant,
    dialect: Dialect,
    span: Span,
    /// Whether the body is being polled, and the spans of its services are entered.
    is_polled: AtomicBool,
    state: Mutex<ActivityState>,
}

/// The part of an activity that changes during the run.
#[derive(Default)]
struct ActivityState {
    /// When the begin of the transaction was sent. `None` before and after the begin.
    begins: Option<Instant>,
    process: Option<u64>,
    replica: Option<usize>,
    is_committed: bool,
    service: Option<Arc<EnteredService>>,
    statement: Option<CurrentStatement>,
    /// The message of the last error of a statement, and where it happened.
    failed: Option<(String, ErrorContext)>,
    /// Whether a tripwire has seen a connection of another pool.
    has_passed: bool,
    /// Where that was, if the boundary must not commit because of it.
    passed: Option<ErrorContext>,
}

/// A running service, and the one that called it.
struct EnteredService {
    site: Site,
    span: Span,
    outer: Option<Arc<EnteredService>>,
}

impl EnteredService {
    /// Enters the spans of a service and of those around it.
    fn enter(&self) {
        if let Some(outer) = &self.outer {
            outer.enter();
        }
        enter(&self.span);
    }

    /// Exits the spans that [`enter`](Self::enter) has entered.
    fn exit(&self) {
        exit(&self.span);
        if let Some(outer) = &self.outer {
            outer.exit();
        }
    }
}

/// Enters a span on this thread, until [`exit`]. A guard cannot be held while the body is not polled.
fn enter(span: &Span) {
    span.with_subscriber(|(id, dispatch)| dispatch.enter(id));
}

fn exit(span: &Span) {
    span.with_subscriber(|(id, dispatch)| dispatch.exit(id));
}

/// The running statement, or the last one.
struct CurrentStatement {
    text: SqlStr,
    sent: Instant,
    answered: Option<Instant>,
}

impl Activity {
    pub(crate) fn new(
        site: Site,
        transaction: TransactionId,
        run: u32,
        is_read_only: bool,
        dialect: Dialect,
        span: Span,
    ) -> Arc<Self> {
        Arc::new(Self {
            site,
            transaction,
            run,
            is_read_only,
            began: Instant::now(),
            dialect,
            span,
            is_polled: AtomicBool::new(false),
            state: Mutex::default(),
        })
    }

    pub(crate) fn site(&self) -> Site {
        self.site
    }

    pub(crate) fn transaction(&self) -> TransactionId {
        self.transaction
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Returns the span of the run.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    fn state(&self) -> MutexGuard<'_, ActivityState> {
        lock(&self.state)
    }

    /// Records that the begin of the transaction is about to be sent.
    pub(crate) fn begins(&self) {
        self.state().begins = Some(Instant::now());
    }

    /// Records that the transaction has begun, the server's number for its connection, and the replica on which it
    /// runs.
    pub(crate) fn begun(&self, process: Option<u64>, replica: Option<usize>) {
        let mut state = self.state();
        (state.begins, state.process, state.replica) = (None, process, replica);
    }

    /// Records that the transaction was committed.
    pub(crate) fn commits(&self) {
        self.state().is_committed = true;
    }

    /// Records a statement that is about to be sent, and returns the parent of its span.
    pub(crate) fn sends(&self, text: &SqlStr) -> Span {
        let statement = Some(CurrentStatement {
            text: text.clone(),
            sent: Instant::now(),
            answered: None,
        });
        let mut state = self.state();
        state.statement = statement;
        self.innermost(&state)
    }

    fn innermost(&self, state: &ActivityState) -> Span {
        let service = state.service.as_ref();
        service.map_or(&self.span, |service| &service.span).clone()
    }

    /// Polls the body with the spans of its services entered. A service that begins or ends meanwhile enters or exits its
    /// own.
    pub(crate) fn poll<T>(&self, poll: impl FnOnce() -> T) -> T {
        if self.span.is_disabled() {
            return poll();
        }
        /// Exits also where the body panics.
        struct Polled<'a>(&'a Activity);
        impl Drop for Polled<'_> {
            fn drop(&mut self) {
                self.0.is_polled.store(false, Ordering::Relaxed);
                let service = self.0.state().service.clone();
                if let Some(service) = service {
                    service.exit();
                }
            }
        }
        let service = self.state().service.clone();
        if let Some(service) = service {
            service.enter();
        }
        self.is_polled.store(true, Ordering::Relaxed);
        let _polled = Polled(self);
        poll()
    }

    /// Records when the current statement was answered.
    pub(crate) fn answered(&self, at: Instant) {
        if let Some(statement) = &mut self.state().statement {
            statement.answered = Some(at);
        }
    }

    /// Records the error of the current statement, for [`place_of`](Self::place_of).
    pub(crate) fn failed(&self, error: &sqlx::Error) {
        self.failed_at(error, self.place());
    }

    /// Records an error, and where it happened.
    pub(crate) fn failed_at(&self, error: &sqlx::Error, place: ErrorContext) {
        self.state().failed = Some((error.to_string(), place));
    }

    /// Returns the context of an error that happens now, with the current service and statement.
    pub(crate) fn place(&self) -> ErrorContext {
        let state = self.state();
        let service = state.service.as_ref().map(|service| service.site);
        let statement = state.statement.as_ref();
        let statement = statement.map(|sent| shown(sent.text.as_str(), self.dialect));
        self.place_of_run().with_statement(service, statement)
    }

    /// Returns the context of an error of the run that does not belong to a statement.
    pub(crate) fn place_of_run(&self) -> ErrorContext {
        ErrorContext::of_run(self.site, self.transaction, self.run, self.is_read_only)
    }

    /// Returns the context of an error that the running service, or the body, makes itself.
    pub(crate) fn place_of_service(&self) -> ErrorContext {
        let service = self.service();
        self.place_of_run().with_statement(service, None)
    }

    /// Records that a connection of another pool was taken. Returns whether it is the first of this run.
    pub(crate) fn passes(&self, refuses: bool) -> bool {
        let place = refuses.then(|| self.place_of_service());
        let mut state = self.state();
        if state.passed.is_none() {
            state.passed = place;
        }
        !std::mem::replace(&mut state.has_passed, true)
    }

    /// Returns where a connection of another pool was taken because of which the boundary must not commit.
    pub(crate) fn passed(&self) -> Option<ErrorContext> {
        self.state().passed.clone()
    }

    /// Returns where `error`, which the body received, happened: at the last failed statement if the messages are equal.
    pub(crate) fn place_of(&self, error: &sqlx::Error) -> Option<ErrorContext> {
        match &self.state().failed {
            Some((text, place)) if *text == error.to_string() => Some(place.clone()),
            _ => None,
        }
    }

    /// Returns the innermost running service.
    pub(crate) fn service(&self) -> Option<Site> {
        Some(self.state().service.as_ref()?.site)
    }

    /// Returns the activity as the public type.
    pub(crate) fn look(&self) -> OpenBoundary {
        let state = self.state();
        let statement = state.statement.as_ref();
        OpenBoundary {
            boundary: self.site,
            transaction: self.transaction,
            run: self.run,
            open_for: self.began.elapsed(),
            service: state.service.as_ref().map(|service| service.site),
            statement: match state.begins {
                Some(_) => Some("begin".to_owned()),
                None => statement.map(|sent| shown(sent.text.as_str(), self.dialect)),
            },
            running_for: state
                .begins
                .or(statement
                    .filter(|sent| sent.answered.is_none())
                    .map(|sent| sent.sent))
                .map(|since| since.elapsed()),
            idle_for: statement
                .and_then(|sent| sent.answered)
                .map(|at| at.elapsed()),
            is_committed: state.is_committed,
            process: state.process,
            replica: state.replica,
        }
    }
}

/// A guard for the running service. Dropping it makes the enclosing service the current one again.
#[must_use]
pub struct InService {
    activity: Arc<Activity>,
    entered: Arc<EnteredService>,
}

impl InService {
    /// Enters a service.
    pub(crate) fn enter(activity: &Arc<Activity>, site: Site, span: Span) -> Self {
        let mut state = activity.state();
        let outer = state.service.take();
        let entered = Arc::new(EnteredService { site, span, outer });
        state.service = Some(Arc::clone(&entered));
        drop(state);
        if activity.is_polled.load(Ordering::Relaxed) {
            self::enter(&entered.span);
        }
        Self {
            activity: Arc::clone(activity),
            entered,
        }
    }
}

impl Drop for InService {
    fn drop(&mut self) {
        if self.activity.is_polled.load(Ordering::Relaxed) {
            exit(&self.entered.span);
        }
        let outer = self.entered.outer.clone();
        // Drop the service, and so end its span, outside the lock, which is held to the end of the statement above.
        let ended = std::mem::replace(&mut self.activity.state().service, outer);
        drop(ended);
    }
}
