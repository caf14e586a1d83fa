//! What `cargo run -p sitemap` shows: the program at work, through its own HTTP API.

use std::net::Ipv4Addr;

use anyhow::{Context, bail};

use crate::{
    api::{JobReport, Status},
    client::Client,
    crawl::Crawler,
    database::Database,
    limit::ScanLimit,
    metrics::Metrics,
    report::{boundaries, failure, stored, wrapped},
    server::Server,
    site::DemoSite,
};

/// Scans two sites, and says what was stored, what failed, and what each boundary did.
///
/// # Errors
///
/// Where something else came of it than what should.
pub async fn run(
    database: &Database,
    crawler: Crawler,
    metrics: Metrics,
) -> anyhow::Result<String> {
    let (shop, magazine) = (DemoSite::shop().await?, DemoSite::magazine().await?);
    let router = database.router(crawler, ScanLimit::default(), metrics);
    let server = Server::start((Ipv4Addr::LOCALHOST, 0).into(), router).await?;
    let shown = show(database, &server, &shop, &magazine).await;
    server.stop().await;
    shown
}

async fn show(
    database: &Database,
    server: &Server,
    shop: &DemoSite,
    magazine: &DemoSite,
) -> anyhow::Result<String> {
    let client = Client::new(server.url())?;
    client.health().await??;
    let complete = scan(&client, shop, Status::Complete).await?;
    let failed = scan(&client, magazine, Status::Failed).await?;
    let twice = client.create_batch(&[shop.url().as_str(); 2]).await?;
    let Err(refusal) = twice else {
        bail!("a batch that lists a URL twice was accepted");
    };
    Ok(format!(
        "\
A sitemap analyser, in which routers own transactions and services do not.

  program   {program}  ({database})
  shop      {shop}  a site whose sitemaps are in order
  magazine  {magazine}  a site with a broken sitemap

What was asked of the program, through its HTTP API

  POST /api/v3/sitemap/scan          the shop         202, then job {shop_job}: complete
  POST /api/v3/sitemap/scan          the magazine     202, then job {magazine_job}: failed
  POST /api/v3/sitemap/batch/create  the shop, twice  {status}, and no job

What was stored: {urls} URLs, in one transaction

{stored}
What failed, and why: of neither is anything stored

{failed}{refused}
What each boundary did, and what it cost

{boundaries}
Start reading at examples/sitemap/src/app/routers/scan.rs. Next: cargo run -p sitemap -- --help
",
        program = server.url(),
        database = database.title(),
        shop = shop.url(),
        magazine = magazine.url(),
        shop_job = complete.job.id,
        magazine_job = failed.job.id,
        status = refusal.status,
        urls = complete.url_count(),
        stored = stored(&[&complete, &failed]),
        failed = failure(&failed),
        refused = wrapped("batch", refusal.detail.as_deref().unwrap_or_default()),
        boundaries = boundaries(&database.stats()),
    ))
}

async fn scan(client: &Client, site: &DemoSite, expected: Status) -> anyhow::Result<JobReport> {
    let accepted = client.scan(site.url().as_str()).await??;
    let report = client.wait(accepted.job_id).await?;
    if report.job.status == expected {
        return Ok(report);
    }
    let reason = report
        .job
        .error
        .context("the scan of a broken site was complete")?;
    bail!("the scan of {} failed: {reason}", site.url())
}
