//! The files of the demo sites, as they lie in the folder `site`.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Arc,
};

use axum::body::Bytes;
use flate2::{Compression, write::GzEncoder};

/// Paths, and what is served there; a path that ends with `.gz` is served compressed.
pub(super) type Bundle = &'static [(&'static str, &'static str)];

pub(super) const SHOP: Bundle = &[
    ("robots.txt", include_str!("../../site/good/robots.txt")),
    ("sitemap.xml", include_str!("../../site/good/sitemap.xml")),
    (
        "sitemaps/pages.xml",
        include_str!("../../site/good/pages.xml"),
    ),
    (
        "sitemaps/products.xml.gz",
        include_str!("../../site/good/products.xml"),
    ),
];

pub(super) const MAGAZINE: Bundle = &[
    ("robots.txt", include_str!("../../site/broken/robots.txt")),
    ("sitemap.xml", include_str!("../../site/broken/sitemap.xml")),
    (
        "sitemaps/articles.xml",
        include_str!("../../site/broken/articles.xml"),
    ),
    (
        "sitemaps/archive.xml",
        include_str!("../../site/broken/archive.xml"),
    ),
];

/// The files of one site, ready to be sent.
#[derive(Debug, Clone)]
pub(super) struct Files(Arc<HashMap<&'static str, File>>);

#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) media_type: &'static str,
    pub(super) bytes: Bytes,
}

impl Files {
    /// Prepares a bundle: sitemaps hold full URLs, so the host that they were written for becomes
    /// the one at hand.
    pub(super) fn unpack(bundle: Bundle, written_for: &str, origin: &str) -> io::Result<Self> {
        let file = |&(path, text): &(&'static str, &str)| {
            let text = text.replace(written_for, origin);
            Ok((path, File::new(path, text)?))
        };
        let files: io::Result<_> = bundle.iter().map(file).collect();
        Ok(Self(Arc::new(files?)))
    }

    pub(super) fn get(&self, path: &str) -> Option<File> {
        self.0.get(path).cloned()
    }
}

impl File {
    fn new(path: &str, text: String) -> io::Result<Self> {
        let (media_type, bytes) = match path.rsplit_once('.') {
            Some((_, "gz")) => ("application/gzip", gzip(text.as_bytes())?),
            Some((_, "xml")) => ("application/xml", text.into_bytes()),
            _ => ("text/plain; charset=utf-8", text.into_bytes()),
        };
        Ok(Self {
            media_type,
            bytes: bytes.into(),
        })
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}
