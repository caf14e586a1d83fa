//! The program as a person starts it.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

use demarcate_tests::Mode;
use sitemap::client::Client;
use tempfile::TempDir;
use url::Url;

/// The program, with a folder of its own for temporary files.
pub(crate) fn sitemap(temp: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sitemap"));
    command
        .env_remove("DATABASE_URL")
        .env_remove("RUST_LOG")
        .env("TMPDIR", temp.path());
    command
}

fn is_empty(folder: &Path) -> bool {
    folder.read_dir().unwrap().next().is_none()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Checks that it failed with one sentence, and gives that.
fn refused(output: &Output) -> &str {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(text(&output.stdout), "");
    let said = text(&output.stderr);
    assert!(
        said.starts_with("error: ") && said.lines().count() == 1,
        "{said}"
    );
    said
}

fn shows_everything(shown: &str) {
    assert!(
        shown.contains("What was stored: 31 URLs, in one transaction"),
        "{shown}"
    );
    assert!(shown.contains("/sitemaps/archive.xml: line 8: "), "{shown}");
    assert!(
        shown.contains("store_scan      src/app/jobs/scan.rs:"),
        "{shown}"
    );
    assert!(
        shown.lines().all(|line| line.chars().count() <= 100),
        "{shown}"
    );
}

#[test]
fn the_demo_shows_everything_and_leaves_nothing_behind() {
    let temp = tempfile::tempdir().unwrap();
    let output = sitemap(&temp).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(text(&output.stderr), "");
    shows_everything(text(&output.stdout));
    assert!(is_empty(temp.path()));
}

#[tokio::test]
async fn so_it_does_on_postgres() {
    let db = demarcate_tests::postgres().await;
    let temp = tempfile::tempdir().unwrap();
    let output = sitemap(&temp)
        .env("DATABASE_URL", db.url())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = text(&output.stdout);
    shows_everything(shown);
    assert!(
        shown.contains("(PostgreSQL, in a temporary schema)"),
        "{shown}"
    );
    let ours = "select count(*) from pg_tables where schemaname <> 'information_schema' \
                and schemaname <> 'pg_catalog'";
    assert_eq!(db.admin_value::<i64>(ours).await, 0);
}

#[tokio::test]
async fn a_scan_of_a_file_is_stored_where_the_url_says() {
    let temp = tempfile::tempdir().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/site/good/pages.xml");
    let output = sitemap(&temp).args(["scan", file]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let shown = text(&output.stdout);
    assert!(
        shown.starts_with("shop.example: 1 sitemap file and 11 URLs"),
        "{shown}"
    );
    assert!(is_empty(temp.path()));

    let db = demarcate_tests::postgres().await;
    let output = sitemap(&temp)
        .args(["scan", file])
        .env("DATABASE_URL", db.url())
        .output();
    assert!(output.unwrap().status.success());
    assert_eq!(db.admin_value::<i64>("select count(*) from urls").await, 11);
}

#[test]
fn what_cannot_be_scanned_is_one_sentence() {
    let temp = tempfile::tempdir().unwrap();
    let broken = concat!(env!("CARGO_MANIFEST_DIR"), "/site/broken/archive.xml");
    for (start, reason) in [
        ("nothing.xml", "neither a URL nor a file"),
        (broken, "line 8: "),
        ("http://127.0.0.1:1/", "cannot reach the server"),
    ] {
        let output = sitemap(&temp).args(["scan", start]).output().unwrap();
        assert!(refused(&output).contains(reason), "{output:?}");
    }
    assert!(is_empty(temp.path()));
}

#[test]
fn a_database_that_cannot_be_used_is_one_sentence() {
    let temp = tempfile::tempdir().unwrap();
    for (url, reason) in [
        (
            "postgres://me:secret@127.0.0.1:1/shop",
            "cannot connect to the database",
        ),
        (
            "postgres://me:secret@[/shop",
            "an IPv6 address without its closing bracket",
        ),
        (
            "mysql://me:secret@127.0.0.1/shop",
            "neither SQLite nor PostgreSQL",
        ),
        (
            "sqlite:///nowhere/at/all.db",
            "cannot connect to the database",
        ),
    ] {
        let mut server = sitemap(&temp);
        server.args(["serve", "--listen", "127.0.0.1:0"]);
        let output = server.env("DATABASE_URL", url).output().unwrap();
        let said = refused(&output);
        assert!(said.contains(reason) && !said.contains("secret"), "{said}");
    }
}

/// What the demo's schema takes is a setting of the server's session.
#[tokio::test]
async fn behind_a_pooler_the_demo_says_what_it_lacks() {
    let db = demarcate_tests::postgres().await;
    let url = demarcate_tests::pgbouncer(Mode::Transaction, &db).await;
    let temp = tempfile::tempdir().unwrap();
    let output = sitemap(&temp).env("DATABASE_URL", url).output().unwrap();
    let said = refused(&output);
    assert!(said.contains("the pooler does not take it"), "{said}");
}

/// SIGINT is what Ctrl-C sends.
#[cfg(unix)]
#[tokio::test]
async fn a_server_ends_in_order_when_it_is_interrupted() {
    let db = demarcate_tests::postgres().await;
    let pooler = demarcate_tests::pgbouncer(Mode::Transaction, &db).await;
    for (signal, url) in [("-INT", ""), ("-TERM", ""), ("-TERM", &*pooler)] {
        let temp = tempfile::tempdir().unwrap();
        let mut server = sitemap(&temp);
        if !url.is_empty() {
            server.env("DATABASE_URL", url);
        }
        let mut server = server
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut shown = BufReader::new(server.stdout.take().unwrap());
        shown.read_line(&mut first).unwrap();
        let url = first
            .split(' ')
            .find_map(|word| Url::parse(word).ok())
            .unwrap();
        let client = Client::new(&url).unwrap();
        assert_ne!(client.health().await.unwrap().unwrap().status, "fail");

        let pid = server.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let ended = tokio::task::spawn_blocking(move || server.wait())
            .await
            .unwrap();
        assert!(ended.unwrap().success());
        assert!(is_empty(temp.path()));
    }
}
