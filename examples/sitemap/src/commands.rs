//! What the program does, by command. Each removes what is not to stay, however it ends.

use std::{
    env,
    io::{self, Write},
    net::SocketAddr,
    process::ExitCode,
};

use anyhow::{anyhow, bail};
use axum::Router;
use sitemap::{
    api::{JobReport, Status},
    crawl::{Crawler, Limits, Start},
    database::Database,
    demo,
    limit::ScanLimit,
    metrics::Metrics,
    report,
    server::Server,
    site::DemoSite,
};

use crate::stop::Stop;

pub(crate) async fn demo() -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let crawler = Crawler::new(Limits::default())?;
    let metrics = Metrics::install()?;
    let database = Database::temporary(url().as_deref()).await?;
    let shown = tokio::select! {
        shown = demo::run(&database, crawler, metrics) => shown,
        () = stop.asked() => Err(anyhow!("interrupted; nothing is left behind")),
    };
    database.close().await?;
    print(&shown?)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn serve(listen: SocketAddr, scans: ScanLimit) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let crawler = Crawler::new(Limits::default())?;
    let metrics = Metrics::install()?;
    let database = Database::open(url().as_deref()).await?;
    let router = database.router(crawler, scans, metrics);
    // The order of the shutdown: `serve_on` stops serving, then `close` waits for the jobs that run
    // or wait, and closes the connections after that.
    let served = serve_on(&database, router, listen, &mut stop).await;
    database.close().await?;
    served?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn scan(start: &str) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let crawler = Crawler::new(Limits::default())?;
    let start = Start::parse(start)?;
    let database = Database::open(url().as_deref()).await?;
    let title = database.title();
    let scanned = database.scan(crawler, &start, stop.asked()).await;
    database.close().await?;
    show(&scanned?, &title)
}

/// An empty variable is what a shell leaves of one that was unset in a script.
fn url() -> Option<String> {
    env::var("DATABASE_URL").ok().filter(|url| !url.is_empty())
}

async fn serve_on(
    database: &Database,
    router: Router,
    listen: SocketAddr,
    stop: &mut Stop,
) -> anyhow::Result<()> {
    let recovered = database.recover().await?;
    let server = Server::start(listen, router).await?;
    let (shop, magazine) = (DemoSite::shop().await?, DemoSite::magazine().await?);
    if recovered > 0 {
        tracing::warn!(
            jobs = recovered,
            "marked failed: the process ended while they ran"
        );
    }
    print(&format!(
        "\
The program is at {server} ({database}). Ctrl-C ends it.
Beside it, two sites to scan: {shop} is in order,
{magazine} has a broken sitemap. Try:

curl -w '\\n' {server}api/v3/sitemap/scan -H 'content-type: application/json' \\
  -d '{{\"url\": \"{shop}\"}}'
curl -w '\\n' {server}api/v3/sitemap/status/1
curl -w '\\n' {server}api/v3/sitemap/batch/create -H 'content-type: application/json' \\
  -d '{{\"urls\": [\"{shop}\", \"{magazine}\"]}}'
curl -w '\\n' {server}api/v3/sitemap/batch/1
curl -w '\\n' {server}health
curl {server}metrics
",
        server = server.url(),
        database = database.title(),
        shop = shop.url(),
        magazine = magazine.url(),
    ))?;
    stop.asked().await;
    server.stop().await;
    Ok(())
}

fn show(report: &JobReport, database: &str) -> anyhow::Result<ExitCode> {
    if report.job.status != Status::Complete {
        bail!(
            "{}",
            report
                .job
                .error
                .as_deref()
                .unwrap_or("the scan did not end")
        );
    }
    let domain = report
        .files
        .first()
        .map_or(report.job.url.as_str(), |file| &file.domain);
    let files = match report.files.len() {
        1 => "1 sitemap file".to_owned(),
        count => format!("{count} sitemap files"),
    };
    let (urls, table) = (report.url_count(), report::stored(&[report]));
    print(&format!(
        "{domain}: {files} and {urls} URLs, stored in {database}\n\n{table}"
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Prints to a reader that may have gone away, as `head` does.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
