//! Values of all kinds that are handed on, and pools that are kept for after the commit.

use std::sync::{Arc, Mutex};

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{router_tx, service};
use sqlx::SqlitePool;

#[derive(Clone, Default)]
struct Order {
    id: i64,
    name: String,
    tags: Vec<String>,
    note: Option<String>,
}

struct App {
    pool: SqlitePool,
    db: SessionFactory,
    log: Mutex<Vec<u8>>,
    name: Arc<str>,
}

const LIMIT: i64 = 10;

fn read(_: &str, _: &[String], _: Option<&str>, _: i64) {}

fn take(_: String) {}

fn show(_: &dyn std::fmt::Debug) {}

fn add(_: &mut Vec<String>) {}

fn bytes(_: &[u8]) {}

async fn ship(_: SessionFactory, _: i64) {}

async fn archive(_: SqlitePool) {}

async fn fill(tx: &mut Session, ids: &mut Vec<i64>) -> Result<(), sqlx::Error> {
    ids.push(sqlx::query_scalar("select 1").fetch_one(&mut *tx).await?);
    Ok(())
}

struct Orders<'a> {
    tx: &'a mut Session,
}

impl Orders<'_> {
    async fn insert(&mut self, id: i64) -> Result<(), sqlx::Error> {
        sqlx::query("insert into orders (id) values ($1)").bind(id).execute(&mut *self.tx).await?;
        Ok(())
    }
}

#[service]
async fn place(tx: &mut Session, app: &App, order: &mut Order) -> Result<Vec<i64>, sqlx::Error> {
    read(&order.name, &order.tags, order.note.as_deref(), LIMIT);
    read(&app.name, &order.tags[..], Some(&order.name), order.id);
    show(&order.tags);
    add(&mut order.tags);
    let tags = &mut order.tags;
    add(tags);
    add(tags);
    bytes(&app.log.lock().unwrap());
    let whole = Order { name: order.name.clone(), ..Order::default() };
    take(whole.name);
    let mut ids = Vec::new();
    fill(tx, &mut ids).await?;
    fill(&mut *tx, &mut ids).await?;
    let mut orders = Orders { tx: &mut *tx };
    orders.insert(order.id).await?;
    fill(orders.tx, &mut ids).await?;
    let _ = app.pool.size();
    Ok(ids)
}

#[router_tx]
async fn post(tx: &mut Session, app: &App) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let pool = app.pool.clone();
    tx.after_commit(async move { archive(pool).await });
    tx.after_commit(ship(app.db.clone(), 1));
    Ok(())
}

fn main() {
    let _ = (place, post);
}
