//! A site that a test makes up.

use std::{convert::Infallible, io::Write, net::Ipv4Addr};

use axum::{
    Router,
    body::{Body, Bytes},
    routing::{MethodRouter, get},
};
use flate2::{Compression, write::GzEncoder};
use futures_util::stream;
use tokio::{net::TcpListener, task::JoinHandle};

pub(super) struct TestSite {
    pub(super) origin: String,
    server: JoinHandle<()>,
}

impl TestSite {
    /// Serves routes, which are told the origin, since sitemaps hold full URLs.
    pub(super) async fn start(routes: impl FnOnce(&str) -> Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let routes = routes(&origin);
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { origin, server }
    }

    /// Serves one body at `/sitemap.xml`.
    pub(super) async fn of(body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        Self::start(|_| Router::new().route("/sitemap.xml", fixed(body))).await
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl Drop for TestSite {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A route with a fixed answer.
pub(super) fn fixed(body: impl Into<Vec<u8>>) -> MethodRouter {
    let body = body.into();
    get(move || async move { body })
}

/// A route whose body is this part over and over, without an end and without a length.
pub(super) fn endless(part: impl Into<Vec<u8>>) -> MethodRouter {
    let part = Bytes::from(part.into());
    get(move || async move {
        Body::from_stream(stream::repeat_with(move || {
            Ok::<_, Infallible>(part.clone())
        }))
    })
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
