//! Servers that answer badly, or not at all.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    http::{StatusCode, header},
    response::Redirect,
    routing::get,
};
use futures_util::{StreamExt, stream};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{
    server::{TestSite, endless, fixed, gzip},
    *,
};

#[tokio::test]
async fn robots_txt_says_where_the_sitemaps_are() {
    let site = TestSite::start(|origin| {
        let robots = format!("User-agent: *\nSitemap: {origin}/a.xml\nSitemap: /b.xml");
        Router::new()
            .route("/robots.txt", fixed(robots))
            .route(
                "/a.xml",
                fixed(urlset("<url><loc>https://a.example/1</loc></url>")),
            )
            .route(
                "/b.xml",
                fixed(gzip(
                    urlset("<url><loc>https://a.example/2</loc></url>").as_bytes(),
                )),
            )
    });
    let site = site.await;
    let scan = crawl(&site, "/").await.unwrap();
    assert_eq!(locs(&scan), ["https://a.example/1", "https://a.example/2"]);
    assert_eq!(format!("http://{}", scan.domain), site.origin);
}

#[tokio::test]
async fn without_robots_txt_the_usual_place_is_tried() {
    let site = TestSite::of(pages(3)).await;
    assert_eq!(locs(&crawl(&site, "/").await.unwrap()).len(), 3);
}

#[tokio::test]
async fn a_site_without_any_sitemap_says_so() {
    let site = TestSite::start(|_| Router::new()).await;
    assert!(matches!(problem(&site, "/").await, Problem::NoSitemap));
}

#[tokio::test]
async fn an_endless_robots_txt_is_read_only_so_far() {
    let site = TestSite::start(|_| {
        Router::new()
            .route("/robots.txt", endless("# more\n".repeat(1000)))
            .route("/sitemap.xml", fixed(pages(1)))
    });
    assert_eq!(locs(&crawl(&site.await, "/").await.unwrap()).len(), 1);
}

#[tokio::test]
async fn robots_txt_on_a_broken_server_is_an_error() {
    let site = TestSite::start(|_| {
        Router::new().route(
            "/robots.txt",
            get(|| async { StatusCode::INTERNAL_SERVER_ERROR }),
        )
    });
    let site = site.await;
    let error = crawl(&site, "/").await.unwrap_err();
    assert_eq!(error.at, site.at("/robots.txt"));
    assert!(matches!(
        error.problem,
        Problem::Status {
            status: StatusCode::INTERNAL_SERVER_ERROR
        }
    ));
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let site = TestSite::start(|origin| {
        let index = index(&[format!("{origin}/gone.xml")]);
        Router::new().route("/sitemap.xml", fixed(index))
    });
    let site = site.await;
    let error = crawl(&site, "/sitemap.xml").await.unwrap_err();
    assert_eq!(error.at, site.at("/gone.xml"));
    assert!(
        error
            .to_string()
            .contains("404 Not Found; check the address"),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_at_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sitemap.xml", listener.local_addr().unwrap());
    drop(listener);
    let start = Start::from_url(&url).unwrap();
    let error = Crawler::new(small())
        .unwrap()
        .crawl(&start)
        .await
        .unwrap_err();
    assert!(matches!(error.problem, Problem::Unreachable(_)), "{error}");
}

#[tokio::test]
async fn redirects_are_followed_within_reason() {
    let to = |path: &'static str| get(move || async move { Redirect::temporary(path) });
    let site = TestSite::start(|_| {
        Router::new()
            .route("/moved.xml", to("/sitemap.xml"))
            .route("/sitemap.xml", fixed(pages(2)))
            .route("/circle.xml", to("/circle-2.xml"))
            .route("/circle-2.xml", to("/circle.xml"))
            .route("/elsewhere.xml", to("file:///etc/passwd"))
            .route("/nowhere.xml", get(|| async { StatusCode::FOUND }))
            .route(
                "/longer/{n}",
                get(async |axum::extract::Path(n): axum::extract::Path<u32>| {
                    Redirect::temporary(&format!("/longer/{}", n + 1))
                }),
            )
    });
    let site = site.await;
    assert_eq!(locs(&crawl(&site, "/moved.xml").await.unwrap()).len(), 2);
    assert!(matches!(
        problem(&site, "/circle.xml").await,
        Problem::RedirectLoop
    ));
    assert!(matches!(
        problem(&site, "/longer/1").await,
        Problem::TooManyRedirects(5)
    ));
    assert!(matches!(
        problem(&site, "/elsewhere.xml").await,
        Problem::BadRedirect(_)
    ));
    assert!(matches!(
        problem(&site, "/nowhere.xml").await,
        Problem::BadRedirect(_)
    ));
}

#[tokio::test]
async fn a_large_file_is_refused_before_it_is_read() {
    // The server says 200 MB, sends the beginning, and never the rest.
    let site = TestSite::start(|_| {
        let body = || {
            Body::from_stream(
                stream::iter([Ok::<_, Infallible>("<urlset>")]).chain(stream::pending()),
            )
        };
        let length = [(header::CONTENT_LENGTH, (200 * 1024 * 1024).to_string())];
        Router::new().route("/sitemap.xml", get(move || async move { (length, body()) }))
    });
    let site = site.await;
    let begin = Instant::now();
    let problem = problem(&site, "/sitemap.xml").await;
    assert!(
        matches!(
            problem,
            Problem::Declared {
                declared: 209_715_200,
                limit: 100_000
            }
        ),
        "{problem}"
    );
    assert!(begin.elapsed() < small().silence);
}

#[tokio::test]
async fn an_endless_file_is_cut_off() {
    let entry = b"<x>short</x>".repeat(100);
    let begin = br#"<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">"#.to_vec();
    let site = TestSite::start(|_| {
        let body = move || {
            let rest = stream::repeat(entry.clone());
            Body::from_stream(
                stream::iter([begin.clone()])
                    .chain(rest)
                    .map(Ok::<_, Infallible>),
            )
        };
        Router::new()
            .route("/elements.xml", get(move || async move { body() }))
            .route("/blanks.xml", endless(vec![b' '; 5000]))
            .route("/zeros.xml", endless(vec![0; 5000]))
    });
    let site = site.await;
    assert!(matches!(
        problem(&site, "/elements.xml").await,
        Problem::TooLarge(100_000)
    ));
    assert!(matches!(
        problem(&site, "/blanks.xml").await,
        Problem::NotXml
    ));
    assert!(matches!(
        problem(&site, "/zeros.xml").await,
        Problem::NotXml
    ));
}

#[tokio::test]
async fn a_gzip_bomb_is_cut_off() {
    // 8 MB in some KB: of blanks, of elements, and packed twice over.
    let blanks = gzip(&[b" ".repeat(8 << 20), pages(1).into_bytes()].concat());
    let elements = gzip(urlset(&"<x></x>".repeat(1 << 20)).as_bytes());
    assert!(elements.len() < 100_000 && blanks.len() < 100_000);
    let twice = gzip(&elements);
    let site = TestSite::start(|_| {
        Router::new()
            .route("/blanks.xml.gz", fixed(blanks))
            .route("/elements.xml.gz", fixed(elements))
            .route("/twice.xml.gz", fixed(twice))
    });
    let site = site.await;
    assert!(matches!(
        problem(&site, "/blanks.xml.gz").await,
        Problem::NotXml
    ));
    assert!(matches!(
        problem(&site, "/elements.xml.gz").await,
        Problem::TooLarge(100_000)
    ));
    assert!(matches!(
        problem(&site, "/twice.xml.gz").await,
        Problem::TooLarge(100_000)
    ));
}

#[tokio::test]
async fn a_gzipped_file_is_read_whatever_the_headers_say() {
    let body = gzip(pages(4).as_bytes());
    let with = |name, value| {
        let body = body.clone();
        get(move || async move { ([(name, value)], body) })
    };
    let site = TestSite::start(|_| {
        Router::new()
            .route(
                "/type.xml.gz",
                with(header::CONTENT_TYPE, "application/gzip"),
            )
            .route("/encoding.xml", with(header::CONTENT_ENCODING, "gzip"))
            .route("/wrong.xml", with(header::CONTENT_TYPE, "text/xml"))
    });
    let site = site.await;
    for path in ["/type.xml.gz", "/encoding.xml", "/wrong.xml"] {
        let scan = crawl(&site, path).await.unwrap();
        assert!(scan.files[0].sitemap.gzipped);
        assert_eq!(locs(&scan).len(), 4);
    }
}

#[tokio::test]
async fn a_slow_server_is_left() {
    let drip = || {
        stream::repeat("<!-- -->").then(async |part| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, Infallible>(part)
        })
    };
    let site = TestSite::start(|_| {
        Router::new()
            .route(
                "/silent.xml",
                get(|| async {
                    Body::from_stream(stream::pending::<Result<Vec<u8>, Infallible>>())
                }),
            )
            .route("/never.xml", get(std::future::pending::<StatusCode>))
            .route(
                "/drip.xml",
                get(move || async move { Body::from_stream(drip()) }),
            )
    });
    let site = site.await;
    assert!(matches!(
        problem(&site, "/silent.xml").await,
        Problem::Silent(_)
    ));
    assert!(matches!(
        problem(&site, "/never.xml").await,
        Problem::Silent(_)
    ));
    assert!(matches!(
        problem(&site, "/drip.xml").await,
        Problem::Slow(_)
    ));

    let hurried = Limits {
        scan_time: Duration::from_millis(200),
        ..small()
    };
    let error = crawl_within(&site, "/drip.xml", hurried).await.unwrap_err();
    assert!(matches!(error.problem, Problem::SlowScan(_)));
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_a_file_that_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/sitemap.xml", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 1024]).await.unwrap() > 0);
        let body = pages(1);
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n",
            body.len() + 1
        );
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .unwrap();
    });
    let start = Start::from_url(&url).unwrap();
    let error = Crawler::new(small())
        .unwrap()
        .crawl(&start)
        .await
        .unwrap_err();
    assert!(matches!(error.problem, Problem::Interrupted(_)), "{error}");
}
