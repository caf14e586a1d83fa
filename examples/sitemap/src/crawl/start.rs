//! Where a scan starts.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use url::Url;

use super::{CrawlError, Problem};

/// What a person gave to be scanned.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// A site: its robots.txt says where the sitemaps are.
    Site(Url),
    /// A sitemap on the web.
    Sitemap(Url),
    /// A sitemap on this machine.
    File(PathBuf),
}

impl Start {
    /// Reads a URL or the path of a file.
    ///
    /// # Errors
    ///
    /// Where it is neither, or a URL that is not to be fetched.
    pub fn parse(input: &str) -> Result<Self, CrawlError> {
        if input.contains("://") {
            return Self::from_url(input);
        }
        let path = Path::new(input);
        if path.exists() {
            Ok(Self::File(path.to_owned()))
        } else {
            Err(Problem::NotAnAddress.at(input))
        }
    }

    /// Reads a URL: of a site, where it has no path, or else of a sitemap.
    ///
    /// # Errors
    ///
    /// Where it does not parse, is not http or https, or holds a password.
    pub fn from_url(input: &str) -> Result<Self, CrawlError> {
        let url = Url::parse(input.trim())
            .map_err(|error| Problem::NotAUrl(error).at(without_password(input)))?;
        let mut url = checked(url).map_err(|problem| problem.at(without_password(input)))?;
        url.set_fragment(None);
        let is_site = url.query().is_none() && matches!(url.path(), "/" | "/robots.txt");
        Ok(if is_site {
            Self::Site(url)
        } else {
            Self::Sitemap(url)
        })
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Site(url) | Self::Sitemap(url) => url.fmt(f),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

/// The protocol's own limit; what is longer is not stored either.
const URL_LENGTH: usize = 2048;

/// Lets through what may be fetched, and stored with the job.
pub(super) fn checked(url: Url) -> Result<Url, Problem> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Problem::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Problem::Credentials);
    }
    if url.as_str().len() > URL_LENGTH {
        return Err(Problem::LongUrl(URL_LENGTH));
    }
    Ok(url)
}

/// An address as it may be shown: an error goes to logs and job rows.
fn without_password(input: &str) -> String {
    let scheme = input.find("://").map_or(0, |colon| colon + 3);
    let shown = match input.rfind('@') {
        Some(at) if at >= scheme => format!("{}…{}", &input[..scheme], &input[at..]),
        _ => input.to_owned(),
    };
    match shown.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// The host of a URL, with its port where that is not the usual one.
pub(super) fn domain(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_without_a_path_is_a_site() {
        for input in [
            "https://shop.example",
            " https://shop.example/#top",
            "http://127.0.0.1:8080/robots.txt",
        ] {
            assert!(
                matches!(Start::from_url(input), Ok(Start::Site(_))),
                "{input}"
            );
        }
        for input in [
            "https://shop.example/sitemap.xml",
            "https://shop.example/?sitemap=1",
        ] {
            assert!(
                matches!(Start::from_url(input), Ok(Start::Sitemap(_))),
                "{input}"
            );
        }
    }

    #[test]
    fn a_path_is_a_file_where_there_is_one() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert_eq!(Start::parse(here).unwrap(), Start::File(here.into()));
        assert!(matches!(
            Start::parse("shop.example").unwrap_err().problem,
            Problem::NotAnAddress
        ));
    }

    #[test]
    fn what_is_not_to_be_fetched_is_refused_with_advice() {
        let problem = |input| Start::parse(input).unwrap_err().problem;
        assert!(matches!(problem("https://"), Problem::NotAUrl(_)));
        assert!(matches!(problem("http://[::1/"), Problem::NotAUrl(_)));
        assert!(matches!(
            problem("ftp://shop.example/sitemap.xml"),
            Problem::Scheme(_)
        ));
        assert!(matches!(problem("file:///etc/passwd"), Problem::Scheme(_)));
        assert!(matches!(
            problem("https://me:secret@shop.example/"),
            Problem::Credentials
        ));
        let long = Start::from_url(&format!("https://shop.example/{}", "a".repeat(3000)));
        assert!(long.unwrap_err().to_string().len() < 400);
    }

    #[test]
    fn a_domain_keeps_an_unusual_port() {
        let domain = |url| domain(&Url::parse(url).unwrap());
        assert_eq!(domain("https://shop.example:443/a"), "shop.example");
        assert_eq!(domain("http://127.0.0.1:8080/a"), "127.0.0.1:8080");
    }
}
