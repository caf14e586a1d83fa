//! Routes for load balancers, supervisors and Prometheus.

use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::Value;
use sitemap::{server::Server, site::DemoSite};

use crate::{on_both, program::Program};

async fn get(server: &Server, path: &str) -> Response {
    let url = server.url().join(path).unwrap();
    reqwest::get(url).await.unwrap()
}

async fn probes_answer(program: Program) {
    for path in ["livez", "readyz", "health"] {
        let response = get(&program.server, path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(
            response.headers()[CONTENT_TYPE],
            "application/health+json",
            "{path}"
        );
        let body: Value = response.json().await.unwrap();
        assert!(
            body["status"] == "pass" || body["status"] == "warn",
            "{body}"
        );
        assert_eq!(body["checks"].is_object(), path == "health", "{body}");
    }
}

async fn without_a_database_the_program_lives_and_is_not_ready(program: Program) {
    program.database.close().await.unwrap();
    for (path, status) in [("livez", 200), ("readyz", 503), ("health", 503)] {
        let response = get(&program.server, path).await;
        assert_eq!(response.status(), status, "{path}");
    }
}

async fn metrics_count_transactions(program: Program) {
    let shop = DemoSite::shop().await.unwrap();
    let accepted = program.client.scan(shop.url().as_str()).await.unwrap();
    program.client.wait(accepted.unwrap().job_id).await.unwrap();

    let response = get(&program.server, "metrics").await;
    assert_eq!(response.status(), 200);
    let media_type = &response.headers()[CONTENT_TYPE];
    assert!(media_type.to_str().unwrap().starts_with("text/plain"));
    let metrics = response.text().await.unwrap();
    for (boundary, kind) in [("post_scan", "router"), ("store_scan", "transaction")] {
        let line = format!(
            r#"demarcate_transactions_total{{boundary="{boundary}",kind="{kind}",outcome="committed"}} "#
        );
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    assert!(
        metrics.contains("\ndemarcate_pool_max_connections{"),
        "{metrics}"
    );
}

on_both!(
    probes_answer,
    without_a_database_the_program_lives_and_is_not_ready,
    metrics_count_transactions,
);
