#![deny(warnings)]
#![allow(dead_code)]

//! Values whose types the compiler learns after they were used, and calls that were given no session and send nothing.

use std::collections::HashMap;
use std::sync::Arc;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{Error, router_tx, service};

#[derive(Clone, Default)]
struct Line {
    id: i64,
    tags: Vec<String>,
}

trait Show {
    fn show(&self) -> String;
}

impl Show for Line {
    fn show(&self) -> String {
        self.tags.join(", ")
    }
}

fn take(_: Line) {}
fn lend(_: &mut Line) {}
fn boxed(_: Box<dyn Show>) {}
fn same<T: Clone>(value: &T) -> T {
    value.clone()
}
fn slice(_: &[i64]) {}
fn each(look: &mut dyn FnMut(&str)) {
    look("a");
}

async fn fill(
    tx: &mut Session,
    ids: &mut Vec<i64>,
    by_name: &mut HashMap<String, Line>,
) -> Result<(), sqlx::Error> {
    ids.push(save(tx).await?);
    by_name.clear();
    Ok(())
}

#[service]
async fn values(
    tx: &mut Session,
    n: Option<i64>,
    text: String,
) -> Result<(Vec<i64>, Line, u8), sqlx::Error> {
    let mut ids = Vec::new();
    let mut by_name = HashMap::new();
    fill(tx, &mut ids, &mut by_name).await?;
    ids.push(1);
    let mut line = match n {
        Some(id) => Line { id, tags: vec![] },
        None => by_name.remove("a").unwrap_or_default(),
    };
    lend(&mut line);
    lend(&mut line);
    boxed(Box::new(line.clone()));
    let level = same(&text.parse().unwrap_or_default());
    let given = same(&Default::default());
    for (at, id) in ids.iter().enumerate() {
        slice(&[*id, at as i64]);
    }
    let mut names = Vec::new();
    each(&mut |name| names.push(name.to_string()));
    let list = &mut ids;
    let again = &mut *list;
    again.push(2);
    slice(list);
    take(Line { id: 0, tags: vec![text] });
    Ok((ids, given, level))
}

#[service]
async fn returned_early(tx: &mut Session, id: i64) -> Result<Box<dyn Show + Send>, sqlx::Error> {
    let line = same(&Line::default());
    if id > 0 {
        return Ok(Box::new(line));
    }
    save(tx).await?;
    Ok(Box::new(line))
}

#[service]
async fn iterated(tx: &mut Session, id: i64) -> Result<impl Iterator<Item = i64>, sqlx::Error> {
    let last = same(&id);
    save(tx).await?;
    Ok((0..last).map(move |n| n + last))
}

struct Prices;

impl Prices {
    async fn of(&self, sku: &str) -> Result<i64, std::io::Error> {
        Ok(sku.len() as i64)
    }
}

#[service]
async fn priced(tx: &mut Session, prices: &Prices, sku: &str) -> Result<i64, Error> {
    let price = prices.of(sku).await.map_err(|error| Error::application(503, error.to_string()))?;
    Ok(price + save(tx).await?)
}

struct App {
    db: SessionFactory,
    name: String,
}

#[router_tx(from = app.db)]
async fn named(app: Arc<App>) -> Result<String, Error> {
    save(tx).await?;
    Ok(app.name.clone())
}

struct Api(Arc<App>);

impl Api {
    #[router_tx(from = self.0.db)]
    async fn own(self: Arc<Self>) -> Result<String, Error> {
        save(tx).await?;
        Ok(self.0.name.clone())
    }
}

struct Unit<'a> {
    unit: &'a mut Session,
    db: SessionFactory,
}

#[service]
impl Unit<'_> {
    async fn save(&mut self) -> Result<(), sqlx::Error> {
        save(&mut *self.unit).await?;
        let db = self.db.clone();
        self.unit.after_commit(async move {
            let done = db.transaction(async |tx| save(tx).await.map_err(Error::from)).await;
            println!("{done:?}");
        });
        Ok(())
    }
}

#[service]
async fn save(tx: &mut Session) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select 1").fetch_one(&mut *tx).await
}

fn main() {}
