//! Names that are also those of a database, of tasks or of channels, and types of the user's own.

use demarcate::service;
use demarcate::sqlite::Session;

struct Shift;

impl Shift {
    async fn begin(tx: &mut Session, who: &str) -> Result<Self, sqlx::Error> {
        sqlx::query("insert into shifts (who) values ($1)").bind(who).execute(&mut *tx).await?;
        Ok(Self)
    }

    async fn commit(&self, tx: &mut Session) -> Result<(), sqlx::Error> {
        sqlx::query("update shifts set open = 0").execute(&mut *tx).await?;
        Ok(())
    }
}

#[derive(Default)]
struct Transaction {
    is_done: bool,
}

impl Transaction {
    fn commit(&mut self) {
        self.is_done = true;
    }
}

struct Runtime;

impl Runtime {
    fn spawn(&self, _monster: &str) -> u32 {
        1
    }
}

struct Client;

impl Client {
    async fn execute(&self, _command: &str) {}
}

struct Receiver;

impl Receiver {
    async fn recv(&self) -> u32 {
        1
    }

    async fn changed(&self) -> bool {
        true
    }
}

mod task {
    use super::*;

    pub async fn spawn(tx: &mut Session, id: i64) -> Result<i64, sqlx::Error> {
        sqlx::query("insert into tasks (id) values ($1)").bind(id).execute(&mut *tx).await?;
        Ok(id)
    }
}

#[service]
async fn work(
    tx: &mut Session,
    runtime: &Runtime,
    client: &Client,
    goods: &Receiver,
) -> Result<(), sqlx::Error> {
    let shift = Shift::begin(tx, "ann").await?;
    Shift::commit(&shift, tx).await?;
    let mut list = vec![Transaction::default()];
    list.iter_mut().for_each(Transaction::commit);
    runtime.spawn("imp");
    client.execute("imp").await;
    goods.recv().await;
    goods.changed().await;
    task::spawn(tx, 1).await?;
    std::thread::scope(|scope| {
        scope.spawn(|| 1);
    });
    let _ = std::process::Command::new("true").spawn();
    Ok(())
}

fn main() {
    let _ = work;
}
