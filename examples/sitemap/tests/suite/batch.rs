//! A batch: its jobs are accepted together, and succeed and fail each by itself.

use sitemap::{api::Status, site::DemoSite};

use crate::{on_both, program::Program};

async fn the_jobs_of_a_batch_never_share_a_transaction(program: Program) {
    let (shop, magazine) = (
        DemoSite::shop().await.unwrap(),
        DemoSite::magazine().await.unwrap(),
    );
    let urls = [shop.url().as_str(), magazine.url().as_str()];
    let accepted = program.client.create_batch(&urls).await.unwrap().unwrap();
    for job_id in &accepted.job_ids {
        program.client.wait(*job_id).await.unwrap();
    }

    let batch = program.client.batch(accepted.batch_id).await.unwrap();
    let jobs: Vec<_> = batch
        .unwrap()
        .jobs
        .into_iter()
        .map(|job| (job.id, job.batch_id, job.url, job.status))
        .collect();
    let batch_id = Some(accepted.batch_id);
    let expected = [
        (
            accepted.job_ids[0],
            batch_id,
            shop.url().to_string(),
            Status::Complete,
        ),
        (
            accepted.job_ids[1],
            batch_id,
            magazine.url().to_string(),
            Status::Failed,
        ),
    ];
    assert_eq!(jobs, expected);
    // The one that failed took nothing of the other with it.
    assert_eq!(program.tables.rows().await, [1, 2, 1, 3, 31]);
    assert_eq!(program.ended("post_batch"), (1, 0));
    assert_eq!(program.ended("start_scan"), (2, 0));
    assert_eq!(program.ended("store_scan"), (1, 0));
    assert_eq!(program.ended("scan"), (1, 0));
}

async fn a_batch_that_lists_a_url_twice_is_refused_whole(program: Program) {
    let (shop, magazine) = (
        DemoSite::shop().await.unwrap(),
        DemoSite::magazine().await.unwrap(),
    );
    // The same, written in another way.
    let again = format!("{}#top", shop.url());
    let urls = [shop.url().as_str(), magazine.url().as_str(), again.as_str()];
    let refusal = program
        .client
        .create_batch(&urls)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refusal.status, 409);
    assert!(
        refusal.to_string().contains(shop.url().as_str()),
        "{refusal}"
    );
    assert_eq!(program.tables.rows().await, [0; 5]);
    assert_eq!(program.ended("post_batch"), (0, 1));
    assert_eq!(program.ended("start_scan"), (0, 0), "no job of it started");
}

async fn a_batch_of_none_or_too_many_is_refused(program: Program) {
    let refusal = program.client.create_batch(&[]).await.unwrap().unwrap_err();
    assert_eq!(refusal.status, 422);
    assert_eq!(
        refusal.detail.as_deref(),
        Some("the batch is empty; give it at least one URL")
    );
    let many = ["http://127.0.0.1/"; 101];
    let refusal = program
        .client
        .create_batch(&many)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refusal.status, 422);
    let wrong = ["http://127.0.0.1/", "shop"];
    let refusal = program
        .client
        .create_batch(&wrong)
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(refusal.status, 422);
    assert!(
        refusal.to_string().contains("shop: this is not a URL"),
        "{refusal}"
    );
    // The database was not asked for anything.
    assert_eq!(program.boundary("post_batch").round_trips, 0);
}

on_both!(
    the_jobs_of_a_batch_never_share_a_transaction,
    a_batch_that_lists_a_url_twice_is_refused_whole,
    a_batch_of_none_or_too_many_is_refused,
);
