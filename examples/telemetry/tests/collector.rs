//! The service, watched by a collector and by Prometheus, as far as they go: what they are sent over HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::routing::post;
use axum::{Router, http::StatusCode};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode as Code};
use prost::Message;
use telemetry::{shop, telemetry::Telemetry};
use tokio::net::TcpListener;

/// A collector that keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Span>>>);

impl Collector {
    fn routes(&self) -> Router {
        let collector = self.clone();
        let take = async move |body: Bytes| {
            let Ok(request) = ExportTraceServiceRequest::decode(body) else {
                return StatusCode::BAD_REQUEST;
            };
            let scopes = request
                .resource_spans
                .into_iter()
                .flat_map(|resource| resource.scope_spans);
            collector
                .0
                .lock()
                .unwrap()
                .extend(scopes.flat_map(|scope| scope.spans));
            StatusCode::OK
        };
        Router::new().route("/v1/traces", post(take))
    }
}

async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

fn attributes(span: &Span) -> HashMap<&str, String> {
    let value = |value: &Value| match value {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = span.attributes.iter();
    pairs
        .filter_map(|pair| {
            Some((
                pair.key.as_str(),
                value(pair.value.as_ref()?.value.as_ref()?),
            ))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_trace_and_a_number_on_the_page() {
    let collector = Collector::default();
    let endpoint = serve(collector.routes()).await;
    let telemetry = Telemetry::start(&endpoint).unwrap();
    let db = shop::open().await.unwrap();
    let url = serve(shop::routes(db.clone()).merge(telemetry.routes(db.clone()))).await;

    let client = reqwest::Client::new();
    let order = || {
        client
            .post(format!("{url}/orders"))
            .json(&serde_json::json!({ "sku": "hunter2" }))
            .send()
    };
    assert_eq!(order().await.unwrap().status(), 201);
    let again = order().await.unwrap();
    assert_eq!(again.status(), 409);
    let problem: serde_json::Value = again.json().await.unwrap();
    let found = client
        .get(format!("{url}/orders/hunter2"))
        .send()
        .await
        .unwrap();
    assert_eq!(found.text().await.unwrap(), "1");

    let page = client
        .get(format!("{url}/metrics"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    for line in [
        r#"demarcate_transactions_total{boundary="post_order",kind="router",outcome="committed"} 1"#,
        r#"demarcate_transactions_total{boundary="get_order",kind="router",outcome="committed"} 1"#,
        r#"demarcate_pool_max_connections{pool="SQLite"} 1"#,
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "not there: {line}\n{page}"
        );
    }
    assert!(page.contains(r#"demarcate_transaction_duration_seconds_bucket{boundary="post_order",outcome="committed",le="0.001"}"#));
    assert!(!page.contains("hunter2"));

    db.close(Duration::from_secs(10)).await;
    tokio::task::spawn_blocking(|| telemetry.end())
        .await
        .unwrap()
        .unwrap();

    let spans = collector.0.lock().unwrap().clone();
    let of = |name: &str| {
        spans
            .iter()
            .filter(|span| span.name == name)
            .collect::<Vec<_>>()
    };
    let (routers, services, inserts) = (of("router post_order"), of("service store"), of("insert"));
    assert!(
        routers.len() >= 2 && services.len() == routers.len() && inserts.len() == routers.len(),
        "{spans:#?}"
    );
    let (router, service, insert) = (routers[0], services[0], inserts[0]);
    assert_eq!(service.parent_span_id, router.span_id);
    assert_eq!(insert.parent_span_id, service.span_id);
    assert_eq!(insert.trace_id, router.trace_id);
    assert_eq!(insert.kind, SpanKind::Client as i32);
    let router = attributes(router);
    assert_eq!(router["db.system.name"], "sqlite");
    assert_eq!(router["outcome"], "committed");
    let insert = attributes(insert);
    assert_eq!(
        insert["db.query.text"],
        "insert into orders (sku) values ($1) returning id"
    );
    assert_eq!(insert["db.operation.name"], "insert");

    let refused = routers[1];
    assert_eq!(refused.status.as_ref().unwrap().code, Code::Error as i32);
    assert_eq!(attributes(refused)["error.type"], "unique constraint");
    // What the client may quote is found in the trace.
    assert_eq!(
        attributes(refused)["transaction.id"],
        problem["transaction"]
    );
    assert_eq!(attributes(inserts[1])["error.type"], "unique constraint");
    assert!(
        !format!("{spans:?}").contains("hunter2"),
        "no value is in a span"
    );
}
