//! Two small sites on loopback, to be scanned: a shop whose sitemaps are in order, and a magazine
//! with a broken one.

mod files;

use std::{future::IntoFuture, io, net::Ipv4Addr};

use axum::{
    Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use self::files::Files;

/// A site that is served for as long as this value lives.
#[derive(Debug)]
pub struct DemoSite {
    url: Url,
    server: JoinHandle<io::Result<()>>,
}

impl DemoSite {
    /// The shop: an index, a sitemap, and a compressed one.
    ///
    /// # Errors
    ///
    /// Where loopback has no free port.
    pub async fn shop() -> io::Result<Self> {
        Self::start("https://shop.example", files::SHOP).await
    }

    /// The magazine: an index, a good sitemap, and one that is broken in its eighth line.
    ///
    /// # Errors
    ///
    /// Where loopback has no free port.
    pub async fn magazine() -> io::Result<Self> {
        Self::start("https://magazine.example", files::MAGAZINE).await
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    async fn start(written_for: &str, bundle: files::Bundle) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let url = Url::parse(&origin).map_err(io::Error::other)?;
        let files = Files::unpack(bundle, written_for, &origin)?;
        let routes = Router::new()
            .route("/", get(front_page))
            .route("/{*path}", get(file))
            .with_state(files);
        let server = tokio::spawn(axum::serve(listener, routes).into_future());
        Ok(Self { url, server })
    }
}

impl Drop for DemoSite {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn front_page() -> Response {
    let page = "<!doctype html><title>A demo site</title><p>Only its <a href=/sitemap.xml>sitemaps</a> are here.";
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

async fn file(State(files): State<Files>, Path(path): Path<String>) -> Response {
    match files.get(&path) {
        Some(file) => ([(header::CONTENT_TYPE, file.media_type)], file.bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::{Crawler, Limits, Problem, Start};

    async fn crawl(site: &DemoSite) -> Result<crate::crawl::Scan, crate::crawl::CrawlError> {
        let start = Start::from_url(site.url().as_str()).unwrap();
        Crawler::new(Limits::default()).unwrap().crawl(&start).await
    }

    #[tokio::test]
    async fn the_shop_is_in_order() {
        let shop = DemoSite::shop().await.unwrap();
        let scan = crawl(&shop).await.unwrap();
        let files: Vec<_> = scan
            .files
            .iter()
            .map(|f| (f.sitemap.kind(), f.sitemap.gzipped, f.sitemap.urls().len()))
            .collect();
        assert_eq!(
            files,
            [
                ("sitemapindex", false, 0),
                ("urlset", false, 11),
                ("urlset", true, 20)
            ]
        );
        assert_eq!(
            scan.files[1].sitemap.warnings.first,
            ["`yesterday` is not a valid `<lastmod>`"]
        );
        let locs: Vec<_> = scan
            .files
            .iter()
            .flat_map(|f| f.sitemap.urls())
            .map(|u| &u.loc)
            .collect();
        assert!(
            locs.iter()
                .any(|loc| loc.ends_with("/search?q=tea&sort=new"))
        );
        assert!(
            locs.iter()
                .any(|loc| loc.ends_with("/products/mug?colour=blue&size=l"))
        );
        assert!(locs.iter().all(|loc| loc.starts_with(shop.url().as_str())));
    }

    #[tokio::test]
    async fn the_magazine_is_broken_on_line_8() {
        let magazine = DemoSite::magazine().await.unwrap();
        let error = crawl(&magazine).await.unwrap_err();
        assert!(error.at.ends_with("/sitemaps/archive.xml"), "{error}");
        assert!(
            matches!(error.problem, Problem::Malformed { line: 8, .. }),
            "{error}"
        );
    }
}
