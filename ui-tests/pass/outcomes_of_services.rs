#![deny(warnings)]
#![allow(dead_code)]

//! Services, repositories and streams whose results are looked at, or hold nothing to look at.

use std::io::Write;

use demarcate::sqlite::Session;
use demarcate::{router_tx, service};

#[derive(Debug)]
pub enum AppError {
    Db(sqlx::Error),
    Ours(demarcate::Error),
    NotFound,
}
impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        Self::Db(error)
    }
}
impl From<demarcate::Error> for AppError {
    fn from(error: demarcate::Error) -> Self {
        Self::Ours(error)
    }
}
impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an error of the application")
    }
}
impl std::error::Error for AppError {}
pub async fn raw(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}
pub async fn write_audit(tx: &mut Session) -> Result<(), std::io::Error> {
    println!("{:?}", tx.transaction_id());
    Ok(())
}
pub struct Dry;
impl Dry {
    pub fn record(&mut self, _tx: &mut Session) -> &mut Self {
        self
    }
    pub async fn drain(&mut self, _tx: &mut Session) {}
}
pub struct Uow<'a> {
    tx: &'a mut Session,
    seen: Vec<i64>,
    log: tokio::sync::mpsc::Sender<i64>,
}
#[service]
impl<'a> Uow<'a> {
    pub fn new(tx: &'a mut Session, log: tokio::sync::mpsc::Sender<i64>) -> Self {
        Self { tx, seen: vec![], log }
    }
    fn note(&mut self, n: i64) -> usize {
        self.seen.push(n);
        self.seen.len()
    }
    pub async fn add(&mut self, n: i64) -> Result<i64, AppError> {
        let _ = self.note(n);
        self.note(n);
        let _ = self.log.send(n).await;
        self.seen.pop();
        let _ = self.seen.pop();
        let _last = self.seen.iter().max().copied().unwrap_or_default();
        raw(self.tx).await.map_err(AppError::from)
    }
}
#[router_tx]
async fn post_order(tx: &mut Session, out: Vec<u8>) -> Result<i64, AppError> {
    let mut out = out;
    let _ = write_audit(tx).await;
    write_audit(tx).await.ok();
    if let Ok(()) = write_audit(tx).await {
        println!("x");
    }
    let _ = writeln!(out, "{}", raw(tx).await?);
    let (sender, _receiver) = tokio::sync::mpsc::channel(1);
    let _ = sender.send(raw(tx).await?).await;
    let _ = sender.try_send(raw(tx).await?);
    let mut dry = Dry;
    dry.record(tx).record(tx);
    let _ = dry.record(tx);
    dry.drain(tx).await;
    let _ = dry.drain(tx).await;
    let pair = (raw(tx).await?, 1);
    let (_, _one) = pair;
    let (n, _) = (raw(tx).await?, 2);
    let results = [raw(tx).await, raw(tx).await];
    let all: Result<Vec<i64>, sqlx::Error> = results.into_iter().collect();
    let sum: i64 = all?.iter().sum();
    let retried = match raw(tx).await {
        Err(sqlx::Error::RowNotFound) => 0,
        other => other?,
    };
    let r = loop {
        match raw(tx).await {
            Ok(n) => break n,
            Err(e) if n > 3 => return Err(e.into()),
            Err(e) => {
                println!("{e}");
                return Err(AppError::NotFound);
            }
        }
    };
    let mut uow = Uow::new(tx, sender);
    let added = uow.add(1).await?;
    let _ = uow.log.send(1).await;
    uow.seen.clear();
    let _ = uow.seen.first();
    let _copied = uow.seen.clone();
    drop(uow);
    Ok(n + sum + retried + r + added)
}
#[service]
async fn stream(tx: &mut Session) -> Result<Vec<String>, AppError> {
    use futures_util::TryStreamExt;
    let rows = sqlx::query_scalar::<_, String>("x").fetch(&mut *tx);
    let v: Vec<String> = rows
        .map_ok(|s| s.trim().to_owned())
        .try_filter(|s| std::future::ready(!s.is_empty()))
        .try_collect()
        .await?;
    let rows = sqlx::query_scalar::<_, Option<String>>("x").fetch(&mut *tx);
    let w: Vec<String> = rows.try_filter_map(|s| std::future::ready(Ok(s))).try_collect().await?;
    let mut rows = sqlx::query_scalar::<_, Option<String>>("x").fetch(&mut *tx);
    let first = rows.try_next().await?.flatten();
    while let Some(Some(s)) = rows.try_next().await? {
        println!("{s}");
    }
    drop(rows);
    let ids: Vec<Option<String>> = sqlx::query_scalar("x").fetch_all(&mut *tx).await?;
    for id in ids {
        if let Some(id) = id.as_deref() {
            let _n: i64 = id.parse().unwrap_or(0);
        }
    }
    Ok([v, w, first.into_iter().collect()].concat())
}
pub async fn count(tx: &mut Session) -> Result<i64, AppError> {
    Ok(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?)
}
pub async fn get<T: Default>(_tx: &mut Session) -> Result<T, AppError> {
    Ok(T::default())
}
pub async fn opt(_tx: &mut Session) -> Option<i64> {
    None
}
pub struct Cart {
    items: Vec<i64>,
}
impl Cart {
    pub async fn load(_tx: &mut Session) -> Result<Self, AppError> {
        Ok(Self { items: vec![] })
    }
    pub fn total(&self) -> i64 {
        1
    }
    pub fn from_session(_tx: &mut Session) -> Self {
        Self { items: vec![] }
    }
    pub async fn price(&self) -> Result<i64, AppError> {
        Ok(1)
    }
}
pub trait Store {
    fn put(&mut self, n: i64) -> impl Future<Output = Result<i64, AppError>> + Send;
}
#[service]
async fn with_store<S: Store>(tx: &mut Session, store: &mut S) -> Result<i64, AppError> {
    let n = store.put(1).await?;
    let _ = store.put(2).await?;
    let m: i64 = get(tx).await?;
    let _: i64 = get(tx).await?;
    let k = opt(tx).await.unwrap_or(0);
    let k2 = opt(tx).await.unwrap_or_default();
    let k3 = opt(tx).await.map_or(0, |n| n + 1);
    if let Some(k) = opt(tx).await {
        println!("{k}");
    }
    let _ = opt(tx).await;
    let _maybe = opt(tx).await;
    for item in Cart::load(tx).await?.items {
        println!("{item}");
    }
    for item in Cart::from_session(tx).items.iter() {
        println!("{item}");
    }
    let items: Vec<i64> = Cart::from_session(tx)
        .items
        .into_iter()
        .filter_map(|i| i.checked_add(1))
        .collect();
    let cart = Cart::from_session(tx);
    let _ = cart.total();
    let price = match cart.price().await {
        Ok(p) => p,
        Err(AppError::NotFound) => 0,
        Err(e) => return Err(e),
    };
    let listed = vec![count(tx).await, count(tx).await]
        .into_iter()
        .collect::<Result<Vec<_>, _>>()?;
    let r = count(tx).await;
    let line = match &r {
        Ok(n) => format!("{n}"),
        Err(e) => format!("{e}"),
    };
    println!("{line}");
    let v = r?;
    let by_ref = match count(tx).await {
        Ok(ref n) => *n,
        Err(ref e) => {
            println!("{e}");
            0
        }
    };
    let boxed: Box<dyn Fn() -> i64> = match count(tx).await {
        Ok(n) => Box::new(move || n),
        Err(_) => return Err(AppError::NotFound),
    };
    let outer = async { count(tx).await };
    let x = outer.await?;
    let fut = count(tx);
    let y = fut.await?;
    let z = 0;
    let n2 = (async || count(tx).await)().await?;
    let s: Result<i64, String> = count(tx).await.map_err(|e| e.to_string());
    let s2 = match s {
        Ok(n) => n,
        Err(text) => {
            println!("{text}");
            0
        }
    };
    #[allow(clippy::let_unit_value)]
    let _unit = println!("x");
    let _text = format!("{}", count(tx).await?);
    Ok(n + m
        + k
        + k2
        + k3
        + items.len() as i64
        + price
        + listed.len() as i64
        + v
        + by_ref
        + boxed()
        + x
        + y
        + z
        + n2
        + s2)
}
#[router_tx]
async fn compensates(tx: &mut Session) -> Result<i64, AppError> {
    let result = count(tx).await;
    if result.is_err() {
        println!("failed");
    }
    let result = match result {
        Ok(n) if n > 1 => Ok(n),
        Ok(_) => Err(AppError::NotFound),
        e => e,
    };
    let checked = match count(tx).await {
        Ok(0) => return Err(AppError::NotFound),
        Ok(n) => n,
        Err(other) => Err(other)?,
    };
    let Ok(a) = count(tx).await.inspect_err(|e| println!("{e}")) else {
        return Err(AppError::NotFound);
    };
    let b = if let Ok(n) = count(tx).await {
        n
    } else if checked > 0 {
        return Err(AppError::NotFound);
    } else {
        panic!("x")
    };
    result.map(|n| n + checked + a + b)
}

fn main() {}
