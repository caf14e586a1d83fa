//! One scan: all of it is stored, or nothing.

use sitemap::{api::Status, site::DemoSite};

use crate::{on_both, program::Program};

async fn a_site_in_order_is_stored_whole(program: Program) {
    let shop = DemoSite::shop().await.unwrap();
    let accepted = program.client.scan(shop.url().as_str()).await.unwrap();
    let report = program.client.wait(accepted.unwrap().job_id).await.unwrap();

    assert_eq!(report.job.status, Status::Complete);
    assert_eq!(report.job.error, None);
    assert!(
        report
            .job
            .finished_at
            .is_some_and(|at| at >= report.job.created_at)
    );
    let files: Vec<_> = report
        .files
        .iter()
        .map(|file| (file.kind.as_str(), file.gzipped, file.warnings, file.urls))
        .collect();
    let expected = [
        ("sitemapindex", false, 0, 0),
        ("urlset", false, 1, 11),
        ("urlset", true, 0, 20),
    ];
    assert_eq!(files, expected);
    assert_eq!(program.tables.rows().await, [0, 1, 1, 3, 31]);
    let warning = report.files[1].warning.as_deref();
    assert_eq!(warning, Some("`yesterday` is not a valid `<lastmod>`"));
    let complete_rows = "select count(*) from urls where loc like '%colour=blue&size=l' \
                         and lastmod is not null and priority = 0.8";
    assert_eq!(program.tables.number(complete_rows).await, 1);

    // One statement for the domain, one for each file, one for each part of its URLs, one for the job.
    let stored = program.boundary("store_scan");
    assert_eq!(
        (stored.committed, stored.rolled_back, stored.statements),
        (1, 0, 7)
    );
    assert_eq!(program.ended("post_scan"), (1, 0));
    assert_eq!(program.ended("start_scan"), (1, 0));
    assert_eq!(
        program.ended("scan"),
        (0, 0),
        "there was no failure to record"
    );
}

async fn of_a_site_with_a_broken_sitemap_nothing_is_stored(program: Program) {
    let magazine = DemoSite::magazine().await.unwrap();
    let accepted = program.client.scan(magazine.url().as_str()).await.unwrap();
    let report = program.client.wait(accepted.unwrap().job_id).await.unwrap();

    assert_eq!(report.job.status, Status::Failed);
    let reason = report.job.error.unwrap();
    assert!(
        reason.contains("/sitemaps/archive.xml: line 8: "),
        "{reason}"
    );
    assert_eq!(program.tables.rows().await, [0, 1, 0, 0, 0]);
    assert_eq!(program.ended("store_scan"), (0, 0), "it never came to that");
    assert_eq!(program.ended("scan"), (1, 0), "the failure was recorded");
}

async fn a_site_that_answers_404_is_a_failed_job(program: Program) {
    let shop = DemoSite::shop().await.unwrap();
    let nothing = shop.url().join("nothing.xml").unwrap();
    let accepted = program.client.scan(nothing.as_str()).await.unwrap();
    let report = program.client.wait(accepted.unwrap().job_id).await.unwrap();
    let reason = report.job.error.unwrap();
    assert!(
        reason.contains("404 Not Found; check the address"),
        "{reason}"
    );
}

async fn the_same_site_twice_is_two_jobs_of_one_domain(program: Program) {
    let shop = DemoSite::shop().await.unwrap();
    for _ in 0..2 {
        let accepted = program.client.scan(shop.url().as_str()).await.unwrap();
        let report = program.client.wait(accepted.unwrap().job_id).await.unwrap();
        assert_eq!(report.url_count(), 31);
    }
    assert_eq!(program.tables.rows().await, [0, 2, 1, 6, 62]);
}

on_both!(
    a_site_in_order_is_stored_whole,
    of_a_site_with_a_broken_sitemap_nothing_is_stored,
    a_site_that_answers_404_is_a_failed_job,
    the_same_site_twice_is_two_jobs_of_one_domain,
);

#[tokio::test]
async fn behind_a_pooler_it_is_the_same() {
    a_site_in_order_is_stored_whole(Program::behind_a_pooler().await).await;
    of_a_site_with_a_broken_sitemap_nothing_is_stored(Program::behind_a_pooler().await).await;
}
