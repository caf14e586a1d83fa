//! Routes for probes, for axum and actix-web.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::examine::Examine;
use super::report::{HealthReport, Status};
use super::single_flight::SingleFlight;
use super::thresholds::Thresholds;
use crate::factory::SessionFactory;

/// Returns routes of axum for probes: `/livez`, `/readyz` and `/health`, with the defaults of [`Routes`].
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
#[cfg(feature = "axum")]
pub fn routes<DB: Examine, S: Clone + Send + Sync + 'static>(
    db: SessionFactory<DB>,
) -> axum::Router<S> {
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
/// With axum they are [a router](Self::into_router), with actix-web [a part of an application](Self::into_config).
///
/// Responses are `application/health+json`. They are sent within the [timeout](Thresholds::timeout), whatever the state of
/// the database and the number of requests: concurrent requests share one report, and a report is reused for a
/// [second](Self::MAX_AGE).
///
/// ```
/// # #[cfg(all(feature = "sqlite", feature = "axum"))]
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
/// # #[cfg(all(feature = "sqlite", feature = "axum"))]
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

    /// Returns a router of axum to [merge](axum::Router::merge) or [nest](axum::Router::nest) into one with any state.
    #[cfg(feature = "axum")]
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> axum::Router<S> {
        use axum::routing::get;

        let live = Probes::new(self);
        let (ready, health) = (live.clone(), live.clone());
        axum::Router::new()
            .route("/livez", get(move || async move { live.live() }))
            .route("/readyz", get(move || async move { ready.ready().await }))
            .route("/health", get(move || async move { health.health().await }))
    }

    /// Returns what [`App::configure`](actix_web::App::configure) and [`Scope::configure`](actix_web::Scope::configure)
    /// take. Build it once, outside the closure of `HttpServer::new`, and clone it inside: then all workers share one report.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")]
    /// # async fn example(db: demarcate::sqlite::SessionFactory) -> std::io::Result<()> {
    /// use actix_web::{App, HttpServer, web};
    /// use demarcate::health::Routes;
    ///
    /// let probes = Routes::new(db.clone()).into_config();
    /// let inside = Routes::new(db).with_evidence().into_config();
    /// HttpServer::new(move || {
    ///     App::new()
    ///         .configure(probes.clone())
    ///         .service(web::scope("/inside").configure(inside.clone()))
    /// })
    /// .bind("127.0.0.1:3000")?
    /// .run()
    /// .await
    /// # }
    /// ```
    #[cfg(feature = "actix")]
    pub fn into_config(
        self,
    ) -> impl Fn(&mut actix_web::web::ServiceConfig) + Clone + Send + 'static {
        use actix_web::web;

        let probes = Probes::new(self);
        move |app: &mut web::ServiceConfig| {
            let live = probes.clone();
            let (ready, health) = (live.clone(), live.clone());
            app.route(
                "/livez",
                web::get().to(move || std::future::ready(live.live())),
            )
            .route(
                "/readyz",
                web::get().to(move || {
                    let ready = ready.clone();
                    async move { ready.ready().await }
                }),
            )
            .route(
                "/health",
                web::get().to(move || {
                    let health = health.clone();
                    async move { health.health().await }
                }),
            );
        }
    }
}

/// What the routes of every framework ask, and the report that they share.
struct Probes<DB: Examine> {
    routes: Arc<Routes<DB>>,
    flight: Arc<SingleFlight<HealthReport>>,
}

impl<DB: Examine> Clone for Probes<DB> {
    fn clone(&self) -> Self {
        Self {
            routes: Arc::clone(&self.routes),
            flight: Arc::clone(&self.flight),
        }
    }
}

impl<DB: Examine> Probes<DB> {
    fn new(routes: Routes<DB>) -> Self {
        Self {
            flight: Arc::new(SingleFlight::new(routes.max_age)),
            routes: Arc::new(routes),
        }
    }

    fn live(&self) -> Answer {
        Answer::new(Status::Healthy, &json!({ "status": "pass" }))
    }

    async fn ready(&self) -> Answer {
        let report = self.report().await;
        let status = status(report.as_deref());
        Answer::new(status, &json!({ "status": status.as_health_json() }))
    }

    async fn health(&self) -> Answer {
        let report = self.report().await;
        let body = match &report {
            Some(report) => report.json(self.routes.with_evidence),
            None => json!({ "status": "fail" }),
        };
        Answer::new(status(report.as_deref()), &body)
    }

    /// Returns the report that is shared; `None` if the examination panicked.
    async fn report(&self) -> Option<Arc<HealthReport>> {
        let examine = || {
            let routes = Arc::clone(&self.routes);
            async move { routes.db.health_with(&routes.thresholds).await }
        };
        self.flight.get(examine).await
    }
}

/// Returns the status of a report. If the examination panicked there is none, which is unhealthy.
fn status(report: Option<&HealthReport>) -> Status {
    report.map_or(Status::Unhealthy, |report| report.status)
}

/// The response of a probe.
struct Answer {
    is_ok: bool,
    body: String,
}

/// The headers of every response.
const HEADERS: [(&str, &str); 2] = [
    ("content-type", "application/health+json"),
    ("cache-control", "no-store"),
];

impl Answer {
    fn new(status: Status, body: &Value) -> Self {
        Self {
            is_ok: matches!(status, Status::Healthy | Status::Degraded),
            body: body.to_string(),
        }
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Answer {
    fn into_response(self) -> axum::response::Response {
        use axum::http::StatusCode;

        let code = match self.is_ok {
            true => StatusCode::OK,
            false => StatusCode::SERVICE_UNAVAILABLE,
        };
        (code, HEADERS, self.body).into_response()
    }
}

#[cfg(feature = "actix")]
impl actix_web::Responder for Answer {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &actix_web::HttpRequest) -> actix_web::HttpResponse {
        let mut response = match self.is_ok {
            true => actix_web::HttpResponse::Ok(),
            false => actix_web::HttpResponse::ServiceUnavailable(),
        };
        for header in HEADERS {
            response.insert_header(header);
        }
        response.body(self.body)
    }
}
