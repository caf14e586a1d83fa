use std::collections::HashMap;

use demarcate::service;
use demarcate::sqlite::Session;
use tokio::task::JoinHandle;

fn start(id: i64) -> JoinHandle<()> {
    tokio::spawn(async move { println!("{id}") })
}

async fn watch(task: JoinHandle<()>) {
    task.await.ok();
}

struct Running {
    tasks: Vec<JoinHandle<()>>,
}

struct Mailer;

impl Mailer {
    fn start(&self, id: i64) -> JoinHandle<()> {
        start(id)
    }
}

#[service]
async fn notify_all(tx: &mut Session, mailer: &Mailer) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let first = mailer.start(1);
    let others = vec![first];
    drop(others);
    Ok(())
}

#[service]
async fn notify(tx: &mut Session, running: &mut Running) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let mail = start(1);
    running.tasks.push(start(2));
    let mut by_id = HashMap::new();
    by_id.insert(3, start(3));
    watch(start(4)).await;
    mail.await.ok();
    drop(by_id);
    Ok(())
}

fn main() {}
