use std::thread;

use demarcate::service;
use demarcate::sqlite::Session;
use tokio::runtime::Handle;
use tokio::spawn as go;
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};

type Tasks = JoinSet<()>;

struct App {
    runtime: Handle,
    tasks: Tasks,
}

async fn send_mail(_order: i64) {}

fn start_mail(order: i64) -> JoinHandle<()> {
    go(send_mail(order))
}

#[service]
async fn create_order(tx: &mut Session, app: &mut App, handle: &Handle) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    app.runtime.spawn(send_mail(1));
    app.tasks.spawn(send_mail(2));
    handle.spawn_blocking(|| 3);
    go(send_mail(4));
    start_mail(5);
    thread::spawn(|| 6);
    spawn_blocking(|| 7);
    let _mail = app.runtime.spawn(send_mail(8));
    Ok(())
}

fn main() {}
