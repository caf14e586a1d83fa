//! Sites of every kind, served for real.

mod content;
mod server;
mod wire;

use std::time::Duration;

use self::server::TestSite;
use super::{CrawlError, Crawler, Limits, Problem, Scan, Start};

/// Limits that a test can reach.
fn small() -> Limits {
    Limits {
        file_bytes: 100_000,
        scan_bytes: 150_000,
        token_bytes: 4096,
        file_urls: 100,
        files: 5,
        silence: Duration::from_millis(300),
        file_time: Duration::from_secs(1),
        ..Limits::default()
    }
}

async fn crawl(site: &TestSite, path: &str) -> Result<Scan, CrawlError> {
    crawl_within(site, path, small()).await
}

async fn crawl_within(site: &TestSite, path: &str, limits: Limits) -> Result<Scan, CrawlError> {
    let start = Start::from_url(&site.at(path)).unwrap();
    Crawler::new(limits).unwrap().crawl(&start).await
}

/// What is wrong with the file at a path.
async fn problem(site: &TestSite, path: &str) -> Problem {
    let error = crawl(site, path).await.unwrap_err();
    assert_eq!(error.at, site.at(path));
    error.problem
}

fn locs(scan: &Scan) -> Vec<&str> {
    scan.files
        .iter()
        .flat_map(|file| file.sitemap.urls())
        .map(|url| url.loc.as_str())
        .collect()
}

/// A `<urlset>` around some entries.
fn urlset(entries: &str) -> String {
    format!(r#"<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</urlset>"#)
}

/// A `<urlset>` of this many pages.
fn pages(count: usize) -> String {
    urlset(
        &(0..count)
            .map(|n| format!("<url><loc>https://a.example/{n}</loc></url>"))
            .collect::<String>(),
    )
}

/// A `<sitemapindex>` of some files.
fn index(locs: &[String]) -> String {
    let entries: String = locs
        .iter()
        .map(|loc| format!("<sitemap><loc>{loc}</loc></sitemap>"))
        .collect();
    format!(
        r#"<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{entries}</sitemapindex>"#
    )
}
