#![deny(warnings)]

//! What looks like a mistake and is none.

use std::time::Duration;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{background_job, router_tx, service};

pub struct World {
    enemies: Vec<String>,
}

impl World {
    pub fn spawn(&mut self, enemy: &str) -> Option<usize> {
        self.enemies.push(enemy.to_owned());
        Some(self.enemies.len())
    }

    pub fn run(&self, command: &str) -> Result<usize, String> {
        Ok(command.len())
    }

    pub fn execute(&self, command: &str) -> Result<usize, String> {
        Ok(command.len())
    }

    pub fn fetch<T>(&self, make: impl Fn(usize) -> T) -> T {
        make(self.enemies.len())
    }

    pub fn transaction(&self, amount: i64) -> i64 {
        amount
    }

    pub async fn recv(&self, _buffer: &mut [u8]) -> usize {
        0
    }

    pub async fn send(&self, _mail: &str) {}
}

#[service]
pub async fn other_things(tx: &mut Session, world: &mut World) -> Result<i64, sqlx::Error> {
    world.spawn("orc").unwrap_or(1);
    world.run("go").ok();
    let _ = world.execute("set sail");
    world.fetch(|count| count + 1);
    let mut buffer = [0; 8];
    world.recv(&mut buffer).await;
    world.send("hello").await;
    let nap = tokio::time::sleep(Duration::from_secs(1));
    drop(nap);
    let command = std::process::Command::new("true").spawn().ok();
    drop(command);
    note(tx);
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(world.transaction(1))
}

/// No future.
fn note(_tx: &mut Session) {}

#[service]
pub async fn errors_that_are_looked_at(tx: &mut Session) -> Result<i64, demarcate::Error> {
    if let Err(error) = sqlx::query("select 1").execute(&mut *tx).await {
        println!("{error}");
    }
    match sqlx::query("select 1").execute(&mut *tx).await {
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    let _ = sqlx::query("select 1").execute(&mut *tx).await?;
    let id: Option<i64> = sqlx::query_scalar("select 1").fetch_optional(&mut *tx).await?;
    let tries = "3".parse::<i64>().ok().unwrap_or_default();
    let later = sqlx::query("select 1").execute(&mut *tx);
    later.await.map_err(demarcate::Error::from)?;
    Ok(id.unwrap_or_default() + tries)
}

#[service]
pub async fn what_ends_with_the_transaction(tx: &mut demarcate::postgres::Session) -> Result<(), sqlx::Error> {
    sqlx::query("set local search_path to shop").execute(&mut *tx).await?;
    sqlx::query("select pg_advisory_xact_lock(1)").execute(&mut *tx).await?;
    sqlx::query("create temporary table picked (id int) on commit drop").execute(&mut *tx).await?;
    sqlx::query("declare c cursor for select 1").execute(&mut *tx).await?;
    sqlx::query("select set_config('app.user', $1, true)").bind("a").execute(&mut *tx).await?;
    sqlx::query("notify orders").execute(&mut *tx).await?;
    println!("set search_path to shop");
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new("select case when true then 1 ");
    query.push("end").push(", ").push_bind("commit");
    query.build().execute(&mut *tx).await?;
    Ok(())
}

#[router_tx]
pub async fn executors(tx: &mut Session) -> Result<(), demarcate::Error> {
    let session = &mut *tx;
    sqlx::query("select 1").execute(&mut *session).await?;
    let query = sqlx::query("select 1");
    query.execute(session).await?;
    tx.savepoint(async |inner| {
        let again = &mut *inner;
        sqlx::query("select 1").execute(again).await?;
        Ok::<_, demarcate::Error>(())
    })
    .await?;
    sqlx::query("select 1").execute(reborrow(tx)).await?;
    let rows = {
        use sqlx::Executor as _;
        (&mut *tx).fetch_all("select 1").await?
    };
    drop(rows);
    tx.after_commit(async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        tokio::spawn(async {});
    });
    Ok(())
}

fn reborrow(tx: &mut Session) -> &mut Session {
    tx
}

#[background_job]
pub async fn sweep(db: &SessionFactory) -> Result<(), demarcate::Error> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    db.spawn(ship(1));
    tokio::spawn(async {});
    db.transaction(async |tx| {
        sqlx::query("select 1").execute(&mut *tx).await?;
        Ok::<_, demarcate::Error>(())
    })
    .await
}

#[background_job]
pub async fn ship(_tx: &mut Session, _id: i64) -> Result<(), demarcate::Error> {
    Ok(())
}

fn main() {}
