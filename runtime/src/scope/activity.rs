//! What a run of a boundary is at, for those who look at it from outside.

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
    /// Which run of it this is: 1 is the first.
    pub run: u32,
    /// How long this run has been open.
    pub open_for: Duration,
    /// The innermost [service](macro@crate::service) that it is in.
    pub service: Option<Site>,
    /// The statement that runs, or the last one: without the values that are written in it, and at most 1,000 bytes
    /// of it. `begin` while that waits, as it does on SQLite for the lock.
    pub statement: Option<String>,
    /// How long that statement has been running; `None` while the body is at something else.
    pub running_for: Option<Duration>,
    /// How long ago the last statement was answered; `None` while one runs, and before the first.
    pub idle_for: Option<Duration>,
    /// The server's number for its connection: the backend's pid on PostgreSQL, the connection's id on MySQL.
    pub process: Option<u64>,
    /// The [replica](crate::Builder::replica) that it runs on, in the order in which they were named; `None` on the primary.
    pub replica: Option<usize>,
}

/// What a run of a boundary is at.
pub(crate) struct Activity {
    site: Site,
    transaction: TransactionId,
    run: u32,
    began: Instant,
    dialect: Dialect,
    span: Span,
    now: Mutex<Now>,
}

#[derive(Default)]
struct Now {
    /// Since when the transaction has been beginning, until it has begun.
    begins: Option<Instant>,
    process: Option<u64>,
    replica: Option<usize>,
    service: Option<EnteredService>,
    statement: Option<CurrentStatement>,
    /// The last error that a statement gave, as its text says it, and where that was.
    failed: Option<(String, ErrorContext)>,
}

/// A service that was entered.
struct EnteredService {
    site: Site,
    span: Span,
}

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
        dialect: Dialect,
        span: Span,
    ) -> Arc<Self> {
        Arc::new(Self {
            site,
            transaction,
            run,
            began: Instant::now(),
            dialect,
            span,
            now: Mutex::default(),
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

    /// That of the run.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        lock(&self.now)
    }

    /// The transaction is about to begin.
    pub(crate) fn begins(&self) {
        self.now().begins = Some(Instant::now());
    }

    /// The transaction has begun, on the connection to which the primary or a replica gives this number.
    pub(crate) fn begun(&self, process: Option<u64>, replica: Option<usize>) {
        let mut now = self.now();
        (now.begins, now.process, now.replica) = (None, process, replica);
    }

    /// Records a statement that is about to be sent, and returns the span that its own belongs under.
    pub(crate) fn sends(&self, text: &SqlStr) -> Span {
        let statement = Some(CurrentStatement {
            text: text.clone(),
            sent: Instant::now(),
            answered: None,
        });
        let mut now = self.now();
        now.statement = statement;
        let service = now.service.as_ref();
        service.map_or(&self.span, |service| &service.span).clone()
    }

    /// The span of the innermost service, or of the run.
    pub(crate) fn innermost_span(&self) -> Span {
        let now = self.now();
        let service = now.service.as_ref();
        service.map_or(&self.span, |service| &service.span).clone()
    }

    /// Its answer is there.
    pub(crate) fn answered(&self, at: Instant) {
        if let Some(statement) = &mut self.now().statement {
            statement.answered = Some(at);
        }
    }

    /// Its answer is this error.
    pub(crate) fn failed(&self, error: &sqlx::Error) {
        let place = self.place();
        self.now().failed = Some((error.to_string(), place));
    }

    /// Where this run is: with the service and the statement that it is at.
    pub(crate) fn place(&self) -> ErrorContext {
        let now = self.now();
        let service = now.service.as_ref().map(|service| service.site);
        let statement = now.statement.as_ref();
        let statement = statement.map(|sent| shown(sent.text.as_str(), self.dialect));
        self.place_of_run().at(service, statement)
    }

    /// The same where it is about no statement.
    pub(crate) fn place_of_run(&self) -> ErrorContext {
        ErrorContext::of_run(self.site, self.transaction, self.run)
    }

    /// Where `error` happened, which the body has: at the statement that gave it, if it was one of ours.
    pub(crate) fn place_of(&self, error: &sqlx::Error) -> ErrorContext {
        match &self.now().failed {
            Some((text, place)) if *text == error.to_string() => place.clone(),
            _ => self.place_of_run(),
        }
    }

    /// The innermost service.
    pub(crate) fn service(&self) -> Option<Site> {
        Some(self.now().service.as_ref()?.site)
    }

    /// What it is at, for a person.
    pub(crate) fn look(&self) -> OpenBoundary {
        let now = self.now();
        let statement = now.statement.as_ref();
        OpenBoundary {
            boundary: self.site,
            transaction: self.transaction,
            run: self.run,
            open_for: self.began.elapsed(),
            service: now.service.as_ref().map(|service| service.site),
            statement: match now.begins {
                Some(_) => Some("begin".to_owned()),
                None => statement.map(|sent| shown(sent.text.as_str(), self.dialect)),
            },
            running_for: now
                .begins
                .or(statement
                    .filter(|sent| sent.answered.is_none())
                    .map(|sent| sent.sent))
                .map(|since| since.elapsed()),
            idle_for: statement
                .and_then(|sent| sent.answered)
                .map(|at| at.elapsed()),
            process: now.process,
            replica: now.replica,
        }
    }
}

/// The running service. Dropped, the one around it runs on.
#[must_use]
pub struct InService {
    activity: Arc<Activity>,
    around: Option<EnteredService>,
}

impl InService {
    /// Enters a service, whose span lies under [`innermost_span`](Activity::innermost_span).
    pub(crate) fn enter(activity: &Arc<Activity>, site: Site, span: Span) -> Self {
        let around = activity
            .now()
            .service
            .replace(EnteredService { site, span });
        Self {
            activity: Arc::clone(activity),
            around,
        }
    }
}

impl Drop for InService {
    fn drop(&mut self) {
        let around = self.around.take();
        // Its span ends here: outside the lock, which lives to the end of the statement.
        let ended = std::mem::replace(&mut self.activity.now().service, around);
        drop(ended);
    }
}
