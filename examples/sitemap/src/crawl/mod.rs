//! Reading the sitemaps of a site.
//!
//! Nothing here knows of a database. A scan takes seconds or minutes, and a transaction that is
//! open for so long holds its locks for so long; so the whole of a site is read first, and what
//! came of it is stored afterwards.

mod body;
mod builder;
mod error;
mod http;
mod input;
mod lastmod;
mod limits;
mod parse;
mod queue;
mod robots;
mod sitemap;
mod start;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use reqwest::StatusCode;
use tokio::{sync::Semaphore, time::timeout};
use url::Url;

pub(crate) use self::http::prepare_tls;
pub use self::{
    error::{CrawlError, Problem},
    limits::Limits,
    parse::NAMESPACE,
    sitemap::{Content, PageUrl, Scan, ScannedFile, Sitemap, Warnings},
    start::Start,
};
use self::{http::Http, queue::Queue};

/// Reads sites; cheap to clone.
#[derive(Debug, Clone)]
pub struct Crawler {
    http: Http,
    limits: Limits,
    /// One permit for each scan that may go on.
    turns: Arc<Semaphore>,
}

impl Crawler {
    /// Prepares a crawler.
    ///
    /// # Errors
    ///
    /// Where the settings of the machine (a proxy in the environment) cannot be used.
    pub fn new(limits: Limits) -> Result<Self, Problem> {
        let http = Http::new(&limits)?;
        let turns = Arc::new(Semaphore::new(limits.scans));
        Ok(Self {
            http,
            limits,
            turns,
        })
    }

    /// Reads all sitemaps that a start leads to, one after the other, as a polite guest does. Waits
    /// while as many scans go on as the limits allow.
    ///
    /// # Errors
    ///
    /// Where any of them cannot be read: a scan is whole, or it is nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection; nothing is left running.
    pub async fn crawl(&self, start: &Start) -> Result<Scan, CrawlError> {
        // It is an error only once the semaphore was closed, which nobody does.
        let _turn = self.turns.acquire().await;
        let time = self.limits.scan_time;
        let scan = timeout(time, self.read_all(start)).await;
        scan.unwrap_or_else(|_| Err(Problem::SlowScan(time).at(start.to_string())))
    }

    async fn read_all(&self, start: &Start) -> Result<Scan, CrawlError> {
        let mut files = Vec::new();
        let mut bytes = 0;
        let mut queue = Queue::new(self.limits.depth);
        let mut guess = None;
        match start {
            Start::Site(site) => {
                let named = self.named_sitemaps(site).await?;
                if named.is_empty() {
                    guess = Some(at_path(site, "/sitemap.xml"));
                }
                named
                    .into_iter()
                    .chain(guess.clone())
                    .for_each(|url| queue.add(url));
            }
            Start::Sitemap(url) => queue.add(url.clone()),
            Start::File(path) => {
                let sitemap = body::read_file(path.clone(), &self.limits).await;
                let sitemap = sitemap.map_err(|problem| problem.at(start.to_string()))?;
                bytes += sitemap.bytes;
                queue
                    .add_listed(&sitemap, &[])
                    .map_err(|problem| problem.at(start.to_string()))?;
                files.push(ScannedFile {
                    address: start.to_string(),
                    sitemap,
                });
            }
        }
        while let Some(way) = queue.next() {
            let Some(url) = way.last() else { continue };
            if files.len() == self.limits.files {
                return Err(Problem::TooManyFiles(self.limits.files).at(start.to_string()));
            }
            let sitemap = self
                .read(url, self.limits.scan_bytes.saturating_sub(bytes))
                .await;
            let sitemap = sitemap.map_err(|problem| match problem {
                // Nobody said that it is there.
                Problem::Status {
                    status: StatusCode::NOT_FOUND | StatusCode::GONE,
                } if guess.as_ref() == Some(url) => Problem::NoSitemap.at(start.to_string()),
                problem => problem.at(url.as_str()),
            })?;
            bytes += sitemap.bytes;
            queue
                .add_listed(&sitemap, &way)
                .map_err(|problem| problem.at(url.as_str()))?;
            files.push(ScannedFile {
                address: url.to_string(),
                sitemap,
            });
        }
        Ok(Scan {
            domain: domain(start, &files),
            files,
        })
    }

    /// The sitemaps that robots.txt names; a site that has none, or keeps it to itself, names no
    /// sitemaps.
    async fn named_sitemaps(&self, site: &Url) -> Result<Vec<Url>, CrawlError> {
        let url = at_path(site, "/robots.txt");
        let read = async {
            let response = self.http.get(&url).await?;
            body::read_text(response, &self.http, robots::ENOUGH).await
        };
        match self.in_time(read).await {
            Ok(text) => Ok(robots::sitemaps(&text, site)),
            Err(Problem::Status { status }) if status.is_client_error() => Ok(Vec::new()),
            Err(problem) => Err(problem.at(url.as_str())),
        }
    }

    async fn read(&self, url: &Url, bytes_left: u64) -> Result<Sitemap, Problem> {
        let limits = Limits {
            file_bytes: self.limits.file_bytes.min(bytes_left),
            ..self.limits.clone()
        };
        let read = async {
            let response = self.http.get(url).await?;
            body::read(response, &self.http, &limits).await
        };
        match self.in_time(read).await {
            Err(Problem::TooLarge(limit) | Problem::Declared { limit, .. })
                if limit < self.limits.file_bytes =>
            {
                Err(Problem::ScanTooLarge(self.limits.scan_bytes))
            }
            result => result,
        }
    }

    async fn in_time<T>(
        &self,
        read: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let time = self.limits.file_time;
        timeout(time, read)
            .await
            .unwrap_or(Err(Problem::Slow(time)))
    }
}

/// The site that was scanned; for a file, the one whose pages it lists.
fn domain(start: &Start, files: &[ScannedFile]) -> String {
    match start {
        Start::Site(url) | Start::Sitemap(url) => start::domain(url),
        Start::File(_) => {
            let first = files.iter().flat_map(|file| file.sitemap.urls()).next();
            let url = first.and_then(|page| Url::parse(&page.loc).ok());
            url.map_or_else(|| start.to_string(), |url| start::domain(&url))
        }
    }
}

/// A path on a site.
fn at_path(site: &Url, path: &str) -> Url {
    let mut url = site.clone();
    url.set_path(path);
    url
}
