//! What a scan found.

use chrono::{DateTime, Utc};
use url::Url;

/// Everything that one scan found: what is stored in one boundary, or not at all.
#[derive(Debug)]
pub struct Scan {
    /// The host that was scanned, with its port where that is not the usual one; for a file, its
    /// name.
    pub domain: String,
    /// The sitemap files, in the order in which they were read.
    pub files: Vec<ScannedFile>,
}

impl Scan {
    /// How many URLs all files hold together.
    pub fn url_count(&self) -> usize {
        self.files
            .iter()
            .map(|file| file.sitemap.urls().len())
            .sum()
    }
}

/// A sitemap file and where it is.
#[derive(Debug)]
pub struct ScannedFile {
    /// Its URL, or its path.
    pub address: String,
    /// What it holds.
    pub sitemap: Sitemap,
}

/// What one sitemap file holds.
#[derive(Debug)]
pub struct Sitemap {
    /// Its entries.
    pub content: Content,
    /// Whether it was compressed.
    pub gzipped: bool,
    /// Its size, inflated.
    pub bytes: u64,
    /// What was wrong with it and could be passed over.
    pub warnings: Warnings,
}

/// The two kinds of sitemap file.
#[derive(Debug)]
pub enum Content {
    /// A list of pages.
    UrlSet(Vec<PageUrl>),
    /// A list of sitemaps.
    Index(Vec<Url>),
}

impl Sitemap {
    /// The name of its root element.
    pub fn kind(&self) -> &'static str {
        match self.content {
            Content::UrlSet(_) => "urlset",
            Content::Index(_) => "sitemapindex",
        }
    }

    /// The pages that it lists; an index lists none.
    pub fn urls(&self) -> &[PageUrl] {
        match &self.content {
            Content::UrlSet(urls) => urls,
            Content::Index(_) => &[],
        }
    }
}

/// One `<url>`.
#[derive(Debug, Clone, PartialEq)]
pub struct PageUrl {
    /// The address of the page, as written.
    pub loc: String,
    /// When the page was changed last.
    pub lastmod: Option<DateTime<Utc>>,
    /// How often it changes: `always`, `hourly`, `daily`, `weekly`, `monthly`, `yearly` or `never`.
    pub changefreq: Option<String>,
    /// Its weight within the site, from 0 to 1.
    pub priority: Option<f64>,
}

/// Things that were passed over: all of them counted, the first few in words.
#[derive(Debug, Default)]
pub struct Warnings {
    /// How many there were.
    pub count: u64,
    /// The first few.
    pub first: Vec<String>,
}

impl Warnings {
    /// Enough to see what is wrong; a bad file has one for each of its 50,000 entries.
    const FIRST: usize = 3;

    pub(super) fn add(&mut self, warning: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < Self::FIRST {
            self.first.push(warning());
        }
    }
}
