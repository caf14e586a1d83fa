//! Files of every kind.

use axum::Router;
use chrono::DateTime;

use super::{
    server::{TestSite, fixed, gzip},
    *,
};
use crate::crawl::{Content, PageUrl, Sitemap};

async fn read(body: impl Into<Vec<u8>>) -> Result<Sitemap, Problem> {
    let site = TestSite::of(body).await;
    let scan = crawl(&site, "/sitemap.xml")
        .await
        .map_err(|error| error.problem)?;
    Ok(scan.files.into_iter().next().unwrap().sitemap)
}

fn page(loc: &str) -> PageUrl {
    PageUrl {
        loc: loc.to_owned(),
        lastmod: None,
        changefreq: None,
        priority: None,
    }
}

#[tokio::test]
async fn every_field_is_read() {
    let sitemap = read(urlset(
        "<url><loc>https://a.example/1</loc><lastmod>2024-05-31T10:20:00+02:00</lastmod>\
         <changefreq>Daily</changefreq><priority>0.8</priority></url>",
    ));
    let lastmod = DateTime::parse_from_rfc3339("2024-05-31T08:20:00Z")
        .unwrap()
        .to_utc();
    let expected = PageUrl {
        lastmod: Some(lastmod),
        changefreq: Some("daily".to_owned()),
        priority: Some(0.8),
        ..page("https://a.example/1")
    };
    assert_eq!(sitemap.await.unwrap().urls(), [expected]);
}

#[tokio::test]
async fn the_same_text_can_be_written_in_many_ways() {
    let sitemap = read(
        "\u{feff}<?xml version='1.0' encoding='utf-8'?>\r\n<!DOCTYPE urlset [<!ENTITY x 'y'>]>\n<!-- a --><?pi?>\n\
         <s:urlset xmlns:s='http://www.sitemaps.org/schemas/sitemap/0.9' xmlns:image='urn:other'>\n\
         <s:url><s:loc>\n  https://a.example/?a=1&amp;b=&#50;&#x33;  </s:loc>\
         <image:image><image:loc>https://a.example/not-me</image:loc></image:image><image:loc>https://a.example/nor-me</image:loc></s:url>\
         <s:url><s:loc><![CDATA[ https://a.example/?c&d ]]></s:loc></s:url>\
         <s:url><s:loc>https://a.example/<!-- here -->split</s:loc></s:url>\
         <image:url><s:loc>https://a.example/nor-me-either</s:loc></image:url>\
         <loc/></s:urlset>\n<!-- end -->\n",
    );
    let sitemap = sitemap.await.unwrap();
    let expected = [
        "https://a.example/?a=1&b=23",
        "https://a.example/?c&d",
        "https://a.example/split",
    ];
    assert_eq!(sitemap.urls(), expected.map(page));
    assert_eq!(sitemap.warnings.count, 0);
}

#[tokio::test]
async fn what_is_not_valid_is_left_out_and_counted() {
    let sitemap = read(urlset(
        "<url><loc>https://a.example/1</loc><lastmod>soon</lastmod><changefreq>often</changefreq>\
         <priority>9</priority></url><url><loc>/relative</loc></url><url/><url><loc>https://a.example/1</loc></url>\
         <url><loc>mailto:me@a.example</loc></url><url><loc></loc></url>",
    ));
    let sitemap = sitemap.await.unwrap();
    assert_eq!(sitemap.urls(), [page("https://a.example/1")]);
    assert_eq!(sitemap.warnings.count, 9);
    assert_eq!(sitemap.warnings.first.len(), 3);
    assert_eq!(
        sitemap.warnings.first[0],
        "`soon` is not a valid `<lastmod>`"
    );
}

#[tokio::test]
async fn a_missing_namespace_is_a_warning_and_a_wrong_one_an_error() {
    let sitemap = read("<urlset><url><loc>https://a.example/1</loc></url></urlset>")
        .await
        .unwrap();
    assert_eq!((sitemap.urls().len(), sitemap.warnings.count), (1, 1));
    let problem = read("<urlset xmlns='https://www.sitemaps.org/schemas/sitemap/0.9'/>")
        .await
        .unwrap_err();
    assert!(matches!(problem, Problem::WrongNamespace(_)), "{problem}");
}

#[tokio::test]
async fn an_empty_list_is_a_sitemap_and_an_empty_file_is_none() {
    assert!(read(urlset("")).await.unwrap().urls().is_empty());
    assert!(matches!(read("").await, Err(Problem::Empty)));
    assert!(matches!(read(gzip(b"")).await, Err(Problem::Empty)));
    assert!(matches!(
        read("  \n<?xml version='1.0'?>").await,
        Err(Problem::NotXml)
    ));
}

#[tokio::test]
async fn what_is_not_xml_is_refused() {
    for body in [
        &b"https://a.example/1\nhttps://a.example/2"[..],
        b"{\"urls\": []}",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"<!",
        b"\xff",
    ] {
        let problem = read(body).await.unwrap_err();
        assert!(matches!(problem, Problem::NotXml), "{problem}");
    }
    let utf16: Vec<u8> = "\u{feff}<urlset/>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert!(matches!(read(utf16).await, Err(Problem::NotUtf8)));
    let latin1 = [
        urlset("<url><loc>https://a.example/").as_bytes(),
        b"caf\xe9",
    ]
    .concat();
    let problem =
        read([&b"<urlset><url><loc>https://a.example/caf\xe9</loc></url></urlset>"[..]].concat())
            .await;
    assert!(matches!(problem, Err(Problem::NotUtf8)));
    assert!(read(latin1).await.is_err());
}

#[tokio::test]
async fn another_root_is_refused_with_a_hint() {
    let problem = read("<!doctype html>\n<html><body>Welcome<br></body></html>")
        .await
        .unwrap_err();
    assert!(
        problem.to_string().contains("this is a web page"),
        "{problem}"
    );
    let problem = read("<rss version='2.0'/>").await.unwrap_err();
    assert!(
        problem.to_string().contains("this is a news feed"),
        "{problem}"
    );
}

#[tokio::test]
async fn malformed_xml_is_refused_with_its_line() {
    let begin = "<urlset>\n<url>\n";
    for (rest, line, reason) in [
        (
            "<loc>https://a.example/?a&b</loc></url></urlset>",
            3,
            "an ampersand stands alone",
        ),
        (
            "<loc>https://a.example/?a&b=1;</loc></url></urlset>",
            3,
            "`&b=1;` stands for no character",
        ),
        (
            "<loc>&nbsp;</loc></url></urlset>",
            3,
            "`&nbsp;` stands for no character",
        ),
        (
            "<loc>https://a.example/</lock></url></urlset>",
            3,
            "expected `</loc>`",
        ),
        (
            "<loc>https://a.example/</loc>\n</url>\n",
            5,
            "before its last element is closed",
        ),
        (
            "<loc>https://a.example/</loc></url></urlset>more",
            3,
            "after the last element",
        ),
        (
            "<loc>https://a.example/</loc></url></urlset>\n<urlset/>",
            4,
            "second root",
        ),
        (
            "<loc>https://a.example/</loc></url></urlset></urlset>",
            3,
            "urlset",
        ),
        ("<loc", 3, "not closed"),
    ] {
        match read(format!("{begin}{rest}")).await {
            Err(Problem::Malformed {
                line: found,
                reason: given,
            }) => {
                assert!(
                    found == line && given.contains(reason),
                    "{rest}: line {found}: {given}"
                );
            }
            other => panic!("{rest}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn the_number_of_urls_is_limited() {
    assert_eq!(read(pages(100)).await.unwrap().urls().len(), 100);
    assert!(matches!(
        read(pages(101)).await,
        Err(Problem::TooManyUrls(100))
    ));
}

#[tokio::test]
async fn one_endless_text_is_refused() {
    let problem = read(urlset(&format!(
        "\n<url><loc>{}</loc></url>",
        "a".repeat(5000)
    )))
    .await
    .unwrap_err();
    assert!(
        matches!(
            problem,
            Problem::LongToken {
                line: 2,
                limit: 4096
            }
        ),
        "{problem}"
    );
}

#[tokio::test]
async fn an_index_that_leads_back_to_itself_is_an_error() {
    let site = TestSite::start(|origin| {
        let to = |path: &str| fixed(index(&[format!("{origin}{path}")]));
        Router::new()
            .route("/self.xml", to("/self.xml"))
            .route("/a.xml", to("/b.xml"))
            .route("/b.xml", to("/a.xml"))
    });
    let site = site.await;
    assert!(matches!(problem(&site, "/self.xml").await, Problem::Circle));
    let error = crawl(&site, "/a.xml").await.unwrap_err();
    assert_eq!(error.at, site.at("/b.xml"));
    assert!(matches!(error.problem, Problem::Circle));
}

#[tokio::test]
async fn what_two_indexes_list_is_read_once() {
    let site = TestSite::start(|origin| {
        let at = |path: &str| format!("{origin}{path}");
        Router::new()
            .route("/sitemap.xml", fixed(index(&[at("/a.xml"), at("/b.xml")])))
            .route("/a.xml", fixed(index(&[at("/pages.xml")])))
            .route("/b.xml", fixed(index(&[at("/pages.xml")])))
            .route("/pages.xml", fixed(pages(2)))
    });
    let scan = crawl(&site.await, "/sitemap.xml").await.unwrap();
    assert_eq!((scan.files.len(), scan.url_count()), (4, 2));
}

#[tokio::test]
async fn depth_number_and_total_size_are_limited() {
    let site = TestSite::start(|origin| {
        let at = |path: &str| format!("{origin}{path}");
        let many: Vec<_> = (0..6).map(|n| at(&format!("/empty/{n}"))).collect();
        let large = urlset(&format!("<!-- {} -->", "x".repeat(4000)).repeat(20));
        Router::new()
            .route("/deep-1.xml", fixed(index(&[at("/deep-2.xml")])))
            .route("/deep-2.xml", fixed(index(&[at("/deep-3.xml")])))
            .route("/deep-3.xml", fixed(index(&[at("/deep-4.xml")])))
            .route("/many.xml", fixed(index(&many)))
            .route("/empty/{n}", fixed(urlset("")))
            .route(
                "/heavy.xml",
                fixed(index(&[at("/large-1.xml"), at("/large-2.xml")])),
            )
            .route("/large-1.xml", fixed(large.clone()))
            .route("/large-2.xml", fixed(large))
    });
    let site = site.await;
    assert!(matches!(
        crawl(&site, "/deep-1.xml").await.unwrap_err().problem,
        Problem::TooDeep(3)
    ));
    assert!(matches!(
        problem(&site, "/many.xml").await,
        Problem::TooManyFiles(5)
    ));
    assert!(matches!(
        crawl(&site, "/heavy.xml").await.unwrap_err().problem,
        Problem::ScanTooLarge(150_000)
    ));
}

#[tokio::test]
async fn a_file_is_read_like_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let crawl = async |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let start = Start::parse(path.to_str().unwrap()).unwrap();
        Crawler::new(small()).unwrap().crawl(&start).await
    };
    let scan = crawl("pages.xml.gz", &gzip(pages(2).as_bytes()))
        .await
        .unwrap();
    assert_eq!((scan.domain.as_str(), scan.url_count()), ("a.example", 2));

    let error = crawl("large.xml", &vec![b' '; 100_001]).await.unwrap_err();
    assert!(
        matches!(
            error.problem,
            Problem::Declared {
                declared: 100_001,
                ..
            }
        ),
        "{error}"
    );

    let folder = Start::File(folder.path().to_owned());
    let error = Crawler::new(small())
        .unwrap()
        .crawl(&folder)
        .await
        .unwrap_err();
    assert!(matches!(error.problem, Problem::File(_)), "{error}");
}

#[tokio::test]
async fn an_index_lists_sitemaps() {
    let sitemap = read("<sitemapindex/>").await.unwrap();
    assert!(matches!(sitemap.content, Content::Index(listed) if listed.is_empty()));
}
