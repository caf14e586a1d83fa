//! Requests that cannot be served: each is answered in the same form.

use demarcate::Problem;

use crate::{on_both, program::Program};

async fn a_url_that_cannot_be_scanned_is_422(program: Program) {
    for url in [
        "shop",
        "ftp://shop.example/",
        "https://me:secret@shop.example/",
        "",
    ] {
        let refusal = program.client.scan(url).await.unwrap().unwrap_err();
        assert_eq!(refusal.status, 422, "{refusal}");
        assert!(!refusal.to_string().contains("secret"), "{refusal}");
    }
    let refusal = program.client.scan(&"a://".repeat(100_000)).await.unwrap();
    assert!(refusal.unwrap_err().to_string().len() < 1000);
    assert_eq!(program.tables.rows().await, [0; 5]);
    assert_eq!(program.boundary("post_scan").round_trips, 0);
}

async fn what_is_not_there_is_404(program: Program) {
    let refusal = program.client.status(7).await.unwrap().unwrap_err();
    assert_eq!(
        (refusal.status, refusal.detail.as_deref()),
        (404, Some("there is no job 7"))
    );
    let refusal = program.client.batch(7).await.unwrap().unwrap_err();
    assert_eq!(
        (refusal.status, refusal.detail.as_deref()),
        (404, Some("there is no batch 7"))
    );
}

async fn a_request_that_cannot_be_read_is_refused_in_the_same_form(program: Program) {
    let scan = "api/v3/sitemap/scan";
    assert_eq!(
        post(&program, scan, "application/json", "{").await.status,
        400
    );
    assert_eq!(
        post(&program, scan, "application/json", "{}").await.status,
        422
    );
    assert_eq!(post(&program, scan, "text/plain", "{}").await.status, 415);
    assert_eq!(
        post(&program, "api/v3/sitemap/nothing", "text/plain", "")
            .await
            .status,
        404
    );
    let health = post(&program, "health", "text/plain", "").await;
    assert_eq!(health.status, 405);
    let large = "a".repeat(3 << 20);
    assert_eq!(
        post(&program, scan, "application/json", &large)
            .await
            .status,
        413
    );

    let url = program
        .server
        .url()
        .join("api/v3/sitemap/status/seven")
        .unwrap();
    let refusal: Problem = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(refusal.status, 400);
}

async fn post(program: &Program, path: &str, media_type: &str, body: &str) -> Problem {
    let url = program.server.url().join(path).unwrap();
    let request = reqwest::Client::new()
        .post(url)
        .header("content-type", media_type);
    let response = request.body(body.to_owned()).send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "application/problem+json"
    );
    let status = response.status().as_u16();
    let refusal: Problem = response.json().await.unwrap();
    assert_eq!(refusal.status, status);
    refusal
}

on_both!(
    a_url_that_cannot_be_scanned_is_422,
    what_is_not_there_is_404,
    a_request_that_cannot_be_read_is_refused_in_the_same_form,
);
