#![deny(warnings)]
#![allow(dead_code)]

//! Results and futures that may be thrown away, and errors that are looked at.

use std::collections::HashMap;
use std::time::Duration;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, router_tx, service};
use futures_util::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::time::timeout;

#[derive(Debug)]
pub struct AppError;
impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an error of the application")
    }
}
impl std::error::Error for AppError {}
impl From<sqlx::Error> for AppError {
    fn from(_: sqlx::Error) -> Self {
        AppError
    }
}
impl From<demarcate::Error> for AppError {
    fn from(_: demarcate::Error) -> Self {
        AppError
    }
}
impl From<tokio::time::error::Elapsed> for AppError {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        AppError
    }
}
#[derive(Debug)]
pub struct CacheError;
pub struct Cache;
impl Cache {
    pub async fn get(&self, _: &str) -> Result<Option<String>, CacheError> {
        Ok(None)
    }
    pub async fn load<T: Default>(&self, _: &str) -> Result<T, CacheError> {
        Ok(T::default())
    }
}
pub struct Index;
impl Index {
    pub async fn update(&self, _: i64) -> Result<(), CacheError> {
        Ok(())
    }
}
pub trait Now {
    fn now(&self) -> i64 {
        1
    }
    fn id(&self) -> i64 {
        1
    }
}
impl Now for Session {}
pub fn note(_tx: &mut Session) {}
pub fn note2(_tx: &mut Session) -> i64 {
    1
}
pub async fn anote(_tx: &mut Session) -> i64 {
    1
}
pub async fn count(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}
pub async fn find(tx: &mut Session) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_optional(&mut *tx).await
}
pub async fn own(tx: &mut Session) -> Result<i64, AppError> {
    Ok(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?)
}
pub async fn mail() -> Result<(), AppError> {
    Ok(())
}

#[service]
async fn services_and_caches(
    tx: &mut Session,
    cache: &Cache,
    index: &Index,
    sender: mpsc::Sender<i64>,
) -> Result<i64, AppError> {
    let _ = note(tx);
    let _ = note2(tx);
    note(tx);
    let _ = anote(tx).await;
    anote(tx).await;
    let _a = cache.get(tx.boundary().name()).await.unwrap_or_default();
    let _ = tx.id();
    let _ = sender.send(1).await;
    let _ = sender.try_send(1);
    let _ = index.update(tx.now()).await;
    let _ = mail().await;
    mail().await.ok();
    let s: String = cache.load("x").await.unwrap_or_default();
    let n: i64 = "1".parse().unwrap_or(0);
    let v: Vec<i64> = s.split(',').map(|s| s.parse()).filter_map(|r| r.ok()).collect();
    let v2: Vec<i64> = s.split(',').map(str::parse).filter_map(Result::ok).collect();
    let v3: Vec<i64> = s.split(',').flat_map(|s| s.parse()).collect();
    let mut map = HashMap::new();
    let _ = map.insert(1, Vec::new());
    map.entry(2).or_insert(vec![1i64]);
    let mut best = None;
    let _ = best.take();
    best = Some(1i64).or(best);
    let (txc, rxc) = tokio::sync::oneshot::channel();
    let _ = txc.send(1i64);
    drop(rxc);
    let _ = count(tx).await?;
    let x = find(tx).await?.unwrap_or_default();
    let y = find(tx).await?.unwrap_or(0);
    let z: i64 = sqlx::query_scalar("select 1")
        .fetch_optional(&mut *tx)
        .await?
        .unwrap_or(0);
    let _: i64 = sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?;
    let (_, b): (i64, i64) = sqlx::query_as("select 1, 2").fetch_one(&mut *tx).await?;
    let (_a, c) = sqlx::query_as::<_, (i64, i64)>("select 1, 2")
        .fetch_one(&mut *tx)
        .await?;
    let n2 = timeout(Duration::from_secs(1), count(tx)).await??;
    let _done = tx.savepoint(async |tx| count(tx).await).await;
    let _ = tx.savepoint(async |tx| count(tx).await).await;
    tx.savepoint(async |tx| count(tx).await).await.ok();
    let p = tx.savepoint(async |tx| count(tx).await).await.unwrap_or(1);
    if let Ok(n) = tx.savepoint(async |tx| count(tx).await).await {
        println!("{n}");
    }
    let saved = tx.savepoint(async |tx| count(tx).await).await;
    match saved {
        Ok(_) => {}
        Err(_) => println!("no"),
    }
    let stored = tx.each(vec![1], async |tx, _| own(tx).await).await?;
    let ok = stored.iter().filter(|r| r.is_ok()).count();
    let ids: Vec<i64> = stored.into_iter().filter_map(|r| r.ok()).collect();
    for r in tx.each(vec![1], async |tx, _| own(tx).await).await? {
        if let Ok(id) = r {
            println!("{id}");
        }
    }
    tx.after_commit(async {
        let _ = mail().await;
    });
    match count(tx).await {
        Ok(n) => println!("{n}"),
        Err(e) => println!("{e}"),
    }
    let u = count(tx).await.unwrap_or_else(|_| panic!("no"));
    let w = match count(tx).await {
        Ok(n) => n,
        Err(_) => return Err(AppError),
    };
    let Ok(q) = own(tx).await else { return Err(AppError) };
    if let Err(e) = count(tx).await {
        return Err(e.into());
    }
    let Ok(q2) = "1".parse::<i64>() else { return Ok(1) };
    if let Ok(s) = cache.get("x").await {
        println!("{s:?}");
    }
    match cache.get("x").await {
        Ok(_) => {}
        Err(_) => {}
    }
    let found = match count(tx).await {
        Ok(n) => Some(n),
        Err(sqlx::Error::RowNotFound) => None,
        Err(e) => return Err(e.into()),
    };
    let found2 = match count(tx).await {
        Ok(n) => Some(n),
        Err(ref e) if matches!(e, sqlx::Error::RowNotFound) => None,
        Err(_) => return Err(AppError),
    };
    let t = if matches!(count(tx).await, Ok(1)) { 1 } else { 2 };
    if own(tx).await.is_ok() {
        println!("x");
    }
    let guarded = count(tx).await.map_err(|_| AppError)?;
    let r2 = count(tx).await;
    let r2 = r2?;
    if let Some(n) = find(tx).await? {
        println!("{n}");
    }
    let _unused = count(tx).await?;
    let _kept = own(tx).await;
    _kept?;
    Ok(n + x
        + y
        + z
        + b
        + c
        + n2
        + p
        + ok as i64
        + ids.len() as i64
        + v.len() as i64
        + u
        + w
        + q
        + q2
        + t
        + guarded
        + r2
        + v2.len() as i64
        + v3.len() as i64
        + found.unwrap_or(0)
        + found2.unwrap_or(0)
        + best.unwrap_or(0))
}
#[router_tx]
async fn rows(tx: &mut Session) -> Result<Vec<i64>, AppError> {
    let mut rows = sqlx::query_scalar::<_, i64>("select 1").fetch(&mut *tx);
    while let Some(row) = rows.try_next().await? {
        println!("{row}");
    }
    drop(rows);
    let rows = sqlx::query_scalar::<_, i64>("select 1").fetch(&mut *tx);
    let all: Vec<i64> = rows
        .try_filter_map(|r| async move { Ok(Some(r)) })
        .try_collect()
        .await?;
    let names: Vec<i64> = sqlx::query_scalar::<_, i64>("select 1")
        .fetch_all(&mut *tx)
        .await?
        .into_iter()
        .filter_map(|n| u8::try_from(n).ok())
        .map(i64::from)
        .collect();
    let mut rows = sqlx::query_scalar::<_, i64>("select 1").fetch(&mut *tx);
    while let Some(row) = rows.next().await {
        match row {
            Ok(n) => println!("{n}"),
            Err(e) => return Err(e.into()),
        }
    }
    Ok([all, names].concat())
}
pub struct Repo<'a> {
    tx: &'a mut Session,
    events: mpsc::Sender<i64>,
}
#[service]
impl Repo<'_> {
    pub async fn save(&mut self) -> Result<i64, AppError> {
        let _ = self.events.send(1).await;
        let n = own(self.tx).await?;
        let r = sqlx::query("x").execute(&mut *self.tx).await?;
        Ok(n + r.rows_affected() as i64)
    }
}
#[router_tx]
async fn repositories(tx: &mut Session) -> Result<i64, AppError> {
    let mut repo = Repo {
        tx,
        events: mpsc::channel(1).0,
    };
    let n = repo.save().await?;
    let _ = repo.events.send(1).await;
    match repo.save().await {
        Ok(_) => Ok(n),
        Err(_) => Err(AppError),
    }
}

#[background_job]
async fn job(db: &SessionFactory) -> Result<(), AppError> {
    let counted = db.transaction(async |tx| own(tx).await).await;
    if let Ok(n) = counted {
        println!("{n}");
    }
    db.transaction(async |tx| own(tx).await).await.ok();
    match db.transaction(async |tx| own(tx).await).await {
        Ok(_) => {}
        Err(_) => println!("again"),
    }
    Ok(())
}

fn main() {}
