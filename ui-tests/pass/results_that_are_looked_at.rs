#![deny(warnings)]
#![allow(dead_code)]

//! Results that are kept in something, chosen or raced, and looked at in the end.

use std::time::Duration;

use demarcate::sqlite::Session;
use demarcate::{Error, service};
use futures_util::TryFutureExt;
use tokio::time::timeout;

struct Jobs;

impl Jobs {
    fn fail(&self, reason: &str) -> ! {
        panic!("{reason}")
    }

    fn note(&self, _: &str) {}
}

#[service]
async fn kept(tx: &mut Session) -> Result<Vec<i64>, sqlx::Error> {
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(count(tx).await);
    }
    let failed = counts.iter().filter(|n| n.is_err()).count();
    println!("{failed} failed");
    counts.into_iter().collect()
}

#[service]
async fn twice(tx: &mut Session) -> Result<i64, sqlx::Error> {
    let counted = count(tx).await;
    if let Ok(n) = &counted {
        println!("{n}");
    }
    for n in counted.iter() {
        println!("{n}");
    }
    println!("{}", counted.as_ref().map(|n| *n).unwrap_or(0));
    counted
}

#[service]
async fn paired(tx: &mut Session) -> Result<i64, sqlx::Error> {
    let counted = match (count(tx).await, count(tx).await) {
        (Ok(a), Ok(b)) => a + b,
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let (a, b) = (count(tx).await?, count(tx).await?);
    if let (0, n) = (a, b) {
        println!("{n}");
    }
    let pair = (count(tx).await, 1);
    let first = pair.0?;
    Ok(counted + a + b + first)
}

#[service]
async fn raced(tx: &mut Session) -> Result<i64, Error> {
    let counted = tokio::select! {
        n = count(tx) => n?,
        () = std::future::pending() => 0,
    };
    let counted = counted + timeout(Duration::from_secs(1), count(tx)).await.map_err(std::io::Error::from).unwrap_or(Ok(0))?;
    let more = count(tx).map_ok(|n| n + 1).await?;
    Ok(counted + more)
}

#[service]
async fn told(tx: &mut Session, jobs: &Jobs, all: bool) -> Result<i64, sqlx::Error> {
    let n;
    if all {
        n = count(tx).await;
    } else {
        n = Ok(0);
    }
    jobs.note("counted");
    match n {
        Ok(n) => Ok(n),
        Err(error) if all => Err(error),
        Err(_) => jobs.fail("cannot be"),
    }
}

#[service]
async fn stopped(tx: &mut Session, jobs: &Jobs) -> Result<i64, sqlx::Error> {
    let n = count(tx).await?;
    if n == 0 {
        jobs.fail("nothing");
    }
    if n == 1 {
        std::process::exit(1);
    }
    Ok(n)
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
