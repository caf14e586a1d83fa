//! Routes that probes ask.

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
use super::single_flight::Flight;
use super::thresholds::Thresholds;
use crate::factory::SessionFactory;

/// Routes for probes: `/livez`, `/readyz` and `/health`, with the defaults of [`Routes`].
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

/// Routes that probes ask:
///
/// * `/livez` says whether the process lives: 200, and the database is not asked. Whoever starts a process again because
///   it is not alive does not heal a database by it.
/// * `/readyz` says whether it can serve: 200 where the database is [healthy](Status::Healthy) or
///   [degraded](Status::Degraded), 503 where it is [unhealthy](Status::Unhealthy) or [critical](Status::Critical).
/// * `/health` says the same, with [the whole report](HealthReport::to_json).
///
/// Answers are `application/health+json`. They come within the [timeout](Thresholds::timeout), whatever the database does,
/// and however many ask: all who ask while a look is under way share it, and what it gave is given to others for a
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
/// // Kubernetes waits for a second. Behind a wall, with the evidence.
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
    /// How long a report is given out, where nothing else is said.
    pub const MAX_AGE: Duration = Duration::from_secs(1);

    /// Of this factory.
    pub fn new(db: SessionFactory<DB>) -> Self {
        Self {
            db,
            thresholds: Thresholds::new(),
            with_evidence: false,
            max_age: Self::MAX_AGE,
        }
    }

    /// By these instead of the [default ones](super::CheckKind).
    pub fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = thresholds;
        self
    }

    /// `/health` shows the [evidence](super::Check::evidence) as well, which names handlers, programs and statements, and
    /// what the database says of itself. It is not for the public.
    pub fn with_evidence(mut self) -> Self {
        self.with_evidence = true;
        self
    }

    /// How long a report is given out after its look began: a second where nothing else is said.
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// The routes, to [merge](Router::merge) or [nest](Router::nest) into a router of any state.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let flight = Arc::new(Flight::new(self.max_age));
        let shared = Arc::new(self);
        let report = move || {
            let (routes, flight) = (Arc::clone(&shared), Arc::clone(&flight));
            async move {
                let look = || {
                    let routes = Arc::clone(&routes);
                    async move { routes.db.health_with(&routes.thresholds).await }
                };
                let report = flight.get(look).await;
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

/// A look that panicked knows nothing, which is not healthy.
fn status(report: Option<&HealthReport>) -> Status {
    report.map_or(Status::Unhealthy, |report| report.status)
}

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
