//! More scans than the limit allows.

use std::{
    net::Ipv4Addr,
    num::NonZeroU16,
    time::{Duration, Instant},
};

use axum::{Router, http::StatusCode};
use demarcate::Problem;
use serde_json::{Value, json};
use sitemap::{client::Client, limit::ScanLimit, server::Server, site::DemoSite};
use tokio::{sync::watch, time::sleep};

use crate::{
    on_both,
    program::{Program, serve},
};

/// A site that does not answer before it is told to, and then has no sitemap.
async fn slow_site() -> (Server, watch::Sender<bool>) {
    let (answer, told) = watch::channel(false);
    let router = Router::new().fallback(async move || {
        told.clone().wait_for(|told| *told).await.ok();
        StatusCode::NOT_FOUND
    });
    let server = Server::start((Ipv4Addr::LOCALHOST, 0).into(), router).await;
    (server.unwrap(), answer)
}

/// Checks that a request is refused because the program is busy.
async fn refused(server: &Server, path: &str, body: &Value) {
    let url = server.url().join(path).unwrap();
    let request = reqwest::Client::new().post(url).json(body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    assert_eq!(response.headers()["retry-after"], "5");
    let problem: Problem = response.json().await.unwrap();
    assert_eq!((problem.status, problem.retry_after), (503, Some(5)));
    let detail = problem.detail.unwrap();
    assert!(detail.starts_with("too many scans"), "{detail}");
}

async fn beyond_the_limit_scans_are_refused_until_others_have_ended(program: Program) {
    // One runs and one waits.
    let server = serve(&program.database, ScanLimit::new(NonZeroU16::MIN, 1)).await;
    let client = Client::new(server.url()).unwrap();
    let (site, answer) = slow_site().await;
    let slow = site.url().as_str();
    let first = client.scan(slow).await.unwrap().unwrap().job_id;
    let second = client.scan(slow).await.unwrap().unwrap().job_id;

    let running = "select count(*) from jobs where status = 'running'";
    while program.tables.number(running).await == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    refused(&server, "api/v3/sitemap/scan", &json!({ "url": slow })).await;
    refused(
        &server,
        "api/v3/sitemap/batch/create",
        &json!({ "urls": [slow] }),
    )
    .await;
    // A batch that is never accepted is refused for good.
    let batch = ["http://a/", "http://b/", "http://c/"];
    let refusal = client.create_batch(&batch).await.unwrap().unwrap_err();
    assert_eq!((refusal.status, refusal.retry_after), (422, None));
    assert_eq!(program.tables.rows().await, [0, 2, 0, 0, 0]);
    assert_eq!(program.tables.number(running).await, 1, "the other waits");

    answer.send_replace(true);
    client.wait(first).await.unwrap();
    client.wait(second).await.unwrap();
    // A place is free a moment after the row says that its job has ended.
    let shop = DemoSite::shop().await.unwrap();
    let ended = Instant::now();
    let accepted = loop {
        match client.scan(shop.url().as_str()).await.unwrap() {
            Ok(accepted) => break accepted,
            Err(refusal) => assert!(ended.elapsed() < Duration::from_secs(10), "{refusal}"),
        }
    };
    assert_eq!(client.wait(accepted.job_id).await.unwrap().url_count(), 31);
}

async fn a_request_that_is_rolled_back_gives_its_places_back(program: Program) {
    let server = serve(&program.database, ScanLimit::new(NonZeroU16::MIN, 1)).await;
    let client = Client::new(server.url()).unwrap();
    let shop = DemoSite::shop().await.unwrap();
    let url = shop.url().as_str();
    for _ in 0..3 {
        let refusal = client.create_batch(&[url, url]).await.unwrap().unwrap_err();
        assert_eq!(refusal.status, 409);
    }
    let accepted = client.scan(url).await.unwrap().unwrap();
    assert_eq!(client.wait(accepted.job_id).await.unwrap().url_count(), 31);
}

on_both!(
    beyond_the_limit_scans_are_refused_until_others_have_ended,
    a_request_that_is_rolled_back_gives_its_places_back,
);
