//! A sitemap analyser: `cargo run -p sitemap`, or with `-- --help`.

mod cli;

use std::process::ExitCode;

use clap::Parser;
use sitemap::{
    crawl::{Crawler, Limits, Scan, Start},
    site::DemoSite,
};

use self::cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        // One sentence that says what to do. A backtrace would say where this program is, not what
        // is wrong with the input.
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let crawler = Crawler::new(Limits::default())?;
    match cli.command {
        None => demo(&crawler).await,
        Some(Command::Serve { .. }) => serve().await,
        Some(Command::Scan { start }) => {
            print(&crawler.crawl(&Start::parse(&start)?).await?);
            Ok(())
        }
    }
}

async fn demo(crawler: &Crawler) -> anyhow::Result<()> {
    for site in [DemoSite::shop().await?, DemoSite::magazine().await?] {
        match crawler.crawl(&Start::from_url(site.url().as_str())?).await {
            Ok(scan) => print(&scan),
            Err(error) => println!("failed: {error}"),
        }
    }
    Ok(())
}

async fn serve() -> anyhow::Result<()> {
    let (shop, magazine) = (DemoSite::shop().await?, DemoSite::magazine().await?);
    println!(
        "{}  a site in order\n{}  a site with a broken sitemap",
        shop.url(),
        magazine.url()
    );
    tokio::signal::ctrl_c().await?;
    Ok(())
}

fn print(scan: &Scan) {
    println!(
        "{}: {} files, {} URLs",
        scan.domain,
        scan.files.len(),
        scan.url_count()
    );
    for file in &scan.files {
        let sitemap = &file.sitemap;
        let packed = if sitemap.gzipped { ", gzipped" } else { "" };
        println!(
            "  {} ({}{packed}): {} URLs",
            file.address,
            sitemap.kind(),
            sitemap.urls().len()
        );
        for warning in &sitemap.warnings.first {
            println!("    {warning}");
        }
        let more = sitemap.warnings.count - sitemap.warnings.first.len() as u64;
        if more > 0 {
            println!("    and {more} more");
        }
    }
}
