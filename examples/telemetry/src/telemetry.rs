//! Who listens: a collector, Prometheus, and the terminal.

use anyhow::Context;
use axum::Router;
use axum::routing::get;
use demarcate::sqlite::SessionFactory;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// The bounds of the histograms' buckets, in seconds.
const BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];

/// What has to be told that the program ends.
#[derive(Debug)]
pub struct Telemetry {
    spans: SdkTracerProvider,
    metrics: PrometheusHandle,
}

impl Telemetry {
    /// Sends spans to the collector at `endpoint` (`http://localhost:4318`), counts what the `metrics` facade is told,
    /// and logs to the terminal. Before the database is connected to, so that its metrics are described.
    ///
    /// # Errors
    ///
    /// Where the endpoint is no URL, or somebody listens already.
    pub fn start(endpoint: &str) -> anyhow::Result<Self> {
        // An error says that there is one already.
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .build()
            .with_context(|| format!("`{endpoint}` is no place to send spans to"))?;
        let spans = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_resource(Resource::builder().with_service_name("shop").build())
            .build();
        // Statements are spans at the level `debug`.
        let to_collector = tracing_opentelemetry::layer()
            .with_tracer(spans.tracer("demarcate"))
            .with_filter(LevelFilter::DEBUG);
        let to_terminal = tracing_subscriber::fmt::layer().with_filter(LevelFilter::INFO);
        tracing_subscriber::registry()
            .with(to_collector)
            .with(to_terminal)
            .try_init()
            .context("somebody listens to the log already")?;

        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS)?
            .install_recorder()?;
        Ok(Self { spans, metrics })
    }

    /// `GET /metrics`, for Prometheus.
    pub fn routes(&self, db: SessionFactory) -> Router {
        let metrics = self.metrics.clone();
        let page = async move || {
            // What a pool is doing is asked for; all else has been told.
            db.record_pool_metrics();
            metrics.render()
        };
        Router::new().route("/metrics", get(page))
    }

    /// Sends what is left.
    ///
    /// # Errors
    ///
    /// Where the collector does not take it.
    pub fn end(self) -> anyhow::Result<()> {
        self.spans
            .shutdown()
            .context("the last spans were not sent")
    }
}

/// The trace that the caller is in, as W3C writes it, where it is sampled: for [`demarcate::SqlComments`].
#[must_use]
pub fn traceparent() -> Option<String> {
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    span.is_sampled().then(|| {
        let (trace, parent) = (span.trace_id(), span.span_id());
        format!("00-{trace}-{parent}-{:02x}", span.trace_flags())
    })
}
