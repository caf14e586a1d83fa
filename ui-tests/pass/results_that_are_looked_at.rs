#![deny(warnings)]
#![allow(dead_code)]

//! Results that are kept in something, chosen or raced, and looked at in the end.

use std::time::Duration;

use demarcate::sqlite::Session;
use demarcate::{Error, service};
use futures_util::{StreamExt, TryFutureExt};
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

#[service]
async fn asked(tx: &mut Session, jobs: &Jobs) -> Result<bool, Error> {
    if count(tx).await.is_err() {
        return Err(Error::application(409, "cannot count"));
    }
    if !matches!(count(tx).await, Ok(n) if n > 0) {
        return Err(Error::application(409, "nothing to count"));
    }
    let counted = count(tx).await;
    if counted.is_ok() {
        jobs.note("counted");
    }
    println!("{} {:?}", counted.is_ok(), counted.as_ref().err());
    let counted = counted?;
    let more = count(tx).await;
    if let Err(error) = &more {
        eprintln!("{error}");
    }
    let is_more = more.is_ok();
    let mut failed = 0;
    let mut all_fine = true;
    for _ in 0..counted {
        if count(tx).await.is_err() {
            failed += 1;
        }
        all_fine &= count(tx).await.is_ok();
    }
    if failed > 0 {
        return Err(Error::application(409, "some failed"));
    }
    all_fine.then_some(()).ok_or_else(|| Error::application(409, "not fine"))?;
    assert!(count(tx).await.is_ok(), "the table is there");
    let gone = matches!(count(tx).await, Err(sqlx::Error::RowNotFound));
    let saved = tx.savepoint(async |tx| count(tx).await).await;
    Ok(gone && is_more && saved.is_ok())
}

#[service]
async fn listed(tx: &mut Session) -> Result<i64, sqlx::Error> {
    let mut counts = vec![count(tx).await, count(tx).await];
    println!("{}", counts.len());
    while let Some(n) = counts.pop() {
        println!("{}", n?);
    }
    let counts = [count(tx).await, count(tx).await];
    for n in &counts {
        println!("{}", n.is_ok());
    }
    let (fine, failed): (Vec<_>, Vec<_>) = counts.into_iter().partition(Result::is_ok);
    if let Some(Err(error)) = failed.into_iter().next() {
        return Err(error);
    }
    let found = count(tx).await.map(Some).or_else(|error| match error {
        sqlx::Error::RowNotFound => Ok(None),
        error => Err(error),
    })?;
    let (joined, _) = tokio::join!(count(tx), async { 1 });
    let one = tokio::join!(async { 1 }, async { 2 }).0;
    let mut rows = sqlx::query_scalar::<_, i64>("select 1").fetch(&mut *tx);
    let row = rows.next().await.transpose()?;
    Ok(joined? + one + fine.len() as i64 + found.or(row).unwrap_or(0))
}

#[service]
async fn mapped(tx: &mut Session, id: Option<i64>) -> Result<i64, sqlx::Error> {
    let mut seen = Vec::new();
    id.map(|id| seen.push((id, tx.boundary().name())));
    count(tx).await
}

async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
