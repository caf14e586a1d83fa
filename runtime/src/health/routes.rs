//! axum routes for probes.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use super::examine::Examine;
use super::report::{HealthReport, Status};
use super::single_flight::SingleFlight;
use super::thresholds::Thresholds;
use crate::factory::SessionFactory;

/// Returns routes for probes: `/livez`, `/readyz` and `/health`, with the defaults of [`Routes`].
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn example() -> Result<(), demarcate::Error> {
/// # use demarcate::sqlite::SessionFactory;
/// let db = SessionFactory::connect("sqlite::memory:").await?;
/// let app: axum::Router = axum::Router::new().merge(demarcate::health::routes(db.clone()));
/// # let _ = app;
/// # Ok(()) }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
pub fn routes<DB: Examine, S: Clone + Send + Sync + 'static>(db: SessionFactory<DB>) -> Router<S> {
    Routes::new(db).into_router()
}

/// Routes for probes:
///
/// * `/livez` is the liveness probe: 200, without a query. A restart of the process does not heal a database, so the state
///   of the database does not matter here.
/// * `/readyz` is the readiness probe: 200 if the database is [healthy](Status::Healthy) or
///   [degraded](Status::Degraded), 503 if it is [unhealthy](Status::Unhealthy) or [critical](Status::Critical).
/// * `/health` answers like `/readyz`, with [the whole report](HealthReport::to_json).
///
/// Responses are `application/health+json`. They are sent within the [timeout](Thresholds::timeout), whatever the state of
/// the database and the number of requests: concurrent requests share one report, and a report is reused for a
/// [second](Self::MAX_AGE).
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # async fn example() -> Result<(), demarcate::Error> {
/// # use demarcate::sqlite::SessionFactory;
/// use std::time::Duration;
/// use demarcate::health::{Routes, Thresholds};
///
/// # let db = SessionFactory::connect("sqlite::memory:").await?;
/// // Kubernetes waits for a second. On a port that is not public, with the evidence.
/// let thresholds = Thresholds::new().timeout(Duration::from_millis(800))?;
/// let inside: axum::Router = Routes::new(db).thresholds(thresholds).with_evidence().into_router();
/// # let _ = inside;
/// # Ok(()) }
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(example()).unwrap();
/// ```
#[must_use = "routes serve nothing before they are in a router"]
pub struct Routes<DB: Examine> {
    db: SessionFactory<DB>,
    thresholds: Thresholds,
    with_evidence: bool,
    max_age: Duration,
}

impl<DB: Examine> Routes<DB> {
    /// The default time for which a report is reused.
    pub const MAX_AGE: Duration = Duration::from_secs(1);

    /// Returns the routes of a factory.
    pub fn new(db: SessionFactory<DB>) -> Self {
        Self {
            db,
            thresholds: Thresholds::new(),
            with_evidence: false,
            max_age: Self::MAX_AGE,
        }
    }

    /// Sets the thresholds, in place of the [defaults](super::CheckKind).
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// Includes the [evidence](super::Check::evidence) in `/health`. It names handlers, programs and statements, and quotes
    /// the database, so it must not be public.
    pub fn with_evidence(mut self) -> Self {
        self.with_evidence = true;
        self
    }

    /// Sets how long a report is reused, from the start of its examination. The default is a second.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// Returns a router to [merge](Router::merge) or [nest](Router::nest) into one with any state.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let flight = Arc::new(SingleFlight::new(self.max_age));
        let shared = Arc::new(self);
        let report = move || {
            let (routes, flight) = (Arc::clone(&shared), Arc::clone(&flight));
            async move {
                let examine = || {
                    let routes = Arc::clone(&routes);
                    async move { routes.db.health_with(&routes.thresholds).await }
                };
                let report = flight.get(examine).await;
                (report, routes.with_evidence)
            }
        };
        let ready = report.clone();
        Router::new()
            .route(
                "/livez",
                get(|| async { answer(Status::Healthy, json!({ "status": "pass" })) }),
            )
            .route(
                "/readyz",
                get(move || async move {
                    let (report, _) = ready().await;
                    let status = status(report.as_deref());
                    answer(status, json!({ "status": status.as_health_json() }))
                }),
            )
            .route(
                "/health",
                get(move || async move {
                    let (report, with_evidence) = report().await;
                    let body = match &report {
                        Some(report) => report.json(with_evidence),
                        None => json!({ "status": "fail" }),
                    };
                    answer(status(report.as_deref()), body)
                }),
            )
    }
}

/// Returns the status of a report. If the examination panicked there is none, which is unhealthy.
fn status(report: Option<&HealthReport>) -> Status {
    report.map_or(Status::Unhealthy, |report| report.status)
}

/// Returns the response for a status.
fn answer(status: Status, body: Value) -> Response {
    let code = match status {
        Status::Healthy | Status::Degraded => StatusCode::OK,
        Status::Unhealthy | Status::Critical => StatusCode::SERVICE_UNAVAILABLE,
    };
    let headers = [
        (CONTENT_TYPE, "application/health+json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (code, headers, body.to_string()).into_response()
}
