//! Why a scan failed, in words for the person who asked for it.

use std::{io, time::Duration};

use reqwest::StatusCode;

/// A scan that failed: what is wrong, and where.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct CrawlError {
    /// The URL or file that was being read.
    pub at: String,
    /// What is wrong with it, and what to do.
    pub problem: Problem,
}

/// What can be wrong with an address, a server's answer or a sitemap.
///
/// Each message ends with what to do. None holds more of the input than the few characters that are
/// wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the message of a variant is its documentation")]
pub enum Problem {
    // The address.
    #[error(
        "this is neither a URL nor a file; write a URL with its scheme, such as \
         `https://example.com/`, or the path of a sitemap"
    )]
    NotAnAddress,
    #[error(
        "this is not a URL ({0}); write it with its scheme and host, such as `https://example.com/`"
    )]
    NotAUrl(url::ParseError),
    #[error("the scheme `{0}` is not read; use `http` or `https`")]
    Scheme(String),
    #[error(
        "the URL holds a user name or a password, which would be stored with the \
         job; leave them out"
    )]
    Credentials,
    #[error("the URL is longer than {0} characters; scan a page whose address is shorter")]
    LongUrl(usize),
    #[error("cannot read the file ({0}); check its path and permissions")]
    File(io::Error),

    // The way there.
    #[error("cannot prepare the HTTP client ({0})")]
    Client(String),
    #[error("cannot reach the server ({0}); check the address, and that the site is up")]
    Unreachable(String),
    #[error("the connection broke while the server was answering ({0}); try again")]
    Interrupted(String),
    #[error("the server was silent for {0:?}; try again when the site is less busy")]
    Silent(Duration),
    #[error("the file took longer than {0:?}; try again when the site is less busy")]
    Slow(Duration),
    #[error("the scan took longer than {0:?}; scan the sitemaps of the site one by one")]
    SlowScan(Duration),
    #[error("the server answers {status}; {}", advice(*status))]
    Status { status: StatusCode },
    #[error("the server redirects in a circle; scan the page that it should lead to")]
    RedirectLoop,
    #[error("the server redirects more than {0} times; scan the page that it leads to in the end")]
    TooManyRedirects(usize),
    #[error("the server redirects to nowhere (`{0}`); scan the page that it should lead to")]
    BadRedirect(String),
    #[error(
        "the site has no sitemap: robots.txt names none, and there is none at the \
         usual place; give the URL of the sitemap itself"
    )]
    NoSitemap,

    // The size.
    #[error(
        "the file has {}, and {} is the limit; split it and list the parts in an index",
        megabytes(*declared),
        megabytes(*limit)
    )]
    Declared { declared: u64, limit: u64 },
    #[error("the file is larger than {}; split it and list the parts in an index", megabytes(*.0))]
    TooLarge(u64),
    #[error(
        "the files of this scan together are larger than {}; scan its sitemaps one by one",
        megabytes(*.0)
    )]
    ScanTooLarge(u64),
    #[error("the file has more than {0} URLs; split it and list the parts in an index")]
    TooManyUrls(usize),
    #[error("the site has more than {0} sitemaps; scan its indexes one by one")]
    TooManyFiles(usize),
    #[error("the indexes are nested more than {0} deep; let one index list all sitemaps")]
    TooDeep(usize),
    #[error("the index leads back to itself; take it out of the files that it lists")]
    Circle,

    // The content.
    #[error(
        "the file is empty; an empty sitemap is `<urlset xmlns=\"{}\"/>`",
        super::NAMESPACE
    )]
    Empty,
    #[error("the gzip data is damaged ({0}); compress the file again")]
    Gzip(io::Error),
    #[error(
        "the file inflates to more than {0} times its size, as only a gzip bomb does; compress a real sitemap"
    )]
    GzipBomb(u64),
    #[error("the file is not UTF-8; save it as UTF-8, which the protocol asks for")]
    NotUtf8,
    #[error(
        "this is not XML; give the URL of a sitemap, which begins with `<urlset` or `<sitemapindex`"
    )]
    NotXml,
    #[error(
        "the root element is `<{0}>`; a sitemap begins with `<urlset` or `<sitemapindex`{hint}",
        hint = hint(.0)
    )]
    WrongRoot(String),
    #[error("the root element belongs to `{0}`; write `xmlns=\"{ns}\"`", ns = super::NAMESPACE)]
    WrongNamespace(String),
    #[error("line {line}: {reason}; correct the XML, nothing of this scan was kept")]
    Malformed { line: u64, reason: String },
    #[error(
        "line {line}: one tag, text or comment is longer than {limit} bytes; this is no \
         sitemap that a search engine reads"
    )]
    LongToken { line: u64, limit: u64 },
}

impl Problem {
    /// Says where the problem is.
    pub fn at(self, at: impl Into<String>) -> CrawlError {
        CrawlError {
            at: at.into(),
            problem: self,
        }
    }
}

/// What a person can do about an answer.
fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 | 451 => "the site refuses programs like this one, ask its owner",
        404 | 410 => "check the address, there is no such file",
        429 | 500.. => "try again later, the site is overloaded or broken",
        _ => "check the address in a browser",
    }
}

/// What a person probably meant whose sitemap has another root.
fn hint(root: &str) -> &'static str {
    match root {
        "html" => " (this is a web page: give the URL of the sitemap itself)",
        "rss" | "feed" => " (this is a news feed)",
        _ => "",
    }
}

fn megabytes(bytes: u64) -> String {
    const MIB: u64 = 1024 * 1024;
    if bytes < MIB {
        format!("{bytes} bytes")
    } else {
        format!("{} MB", bytes / MIB)
    }
}
