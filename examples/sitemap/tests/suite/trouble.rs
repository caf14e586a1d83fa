//! A database that changes under the program.

use std::time::Duration;

use sitemap::{api::Status, site::DemoSite};

use crate::{on_both, program::Program};

async fn a_scan_that_cannot_be_stored_is_rolled_back_and_recorded(program: Program) {
    program
        .tables
        .run("alter table urls rename to elsewhere")
        .await;
    let shop = DemoSite::shop().await.unwrap();
    let accepted = program.client.scan(shop.url().as_str()).await.unwrap();
    let job_id = accepted.unwrap().job_id;
    // The status counts URLs, and so it cannot be asked for.
    let refusal = program.client.status(job_id).await.unwrap().unwrap_err();
    assert_eq!(refusal.status, 500);
    assert!(!refusal.to_string().contains("urls"), "{refusal}");
    while program.ended("scan") == (0, 0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    program
        .tables
        .run("alter table elsewhere rename to urls")
        .await;

    let report = program.client.wait(job_id).await.unwrap();
    assert_eq!(report.job.status, Status::Failed);
    let reason = report.job.error.unwrap();
    assert!(reason.starts_with("the database failed"), "{reason}");
    // The domain and the files that were inserted before the URLs are not there either.
    assert_eq!(program.tables.rows().await, [0, 1, 0, 0, 0]);
    assert_eq!(program.ended("store_scan"), (0, 1));
    assert_eq!(program.ended("scan"), (1, 0));
}

async fn without_its_tables_the_program_says_so_and_goes_on(program: Program) {
    program
        .tables
        .run("alter table jobs rename to elsewhere")
        .await;
    let refusal = program.client.scan("http://127.0.0.1:1/").await.unwrap();
    let refusal = refusal.unwrap_err();
    assert_eq!(refusal.status, 500);
    assert!(refusal.transaction.is_some(), "{refusal}");
    assert_eq!(program.ended("post_scan"), (0, 1));
    let health = program.client.health().await.unwrap().unwrap();
    assert_ne!(health.status, "fail");

    program
        .tables
        .run("alter table elsewhere rename to jobs")
        .await;
    let accepted = program.client.scan("http://127.0.0.1:1/").await.unwrap();
    let report = program.client.wait(accepted.unwrap().job_id).await.unwrap();
    assert!(
        report
            .job
            .error
            .unwrap()
            .contains("cannot reach the server")
    );
}

on_both!(
    a_scan_that_cannot_be_stored_is_rolled_back_and_recorded,
    without_its_tables_the_program_says_so_and_goes_on,
);
