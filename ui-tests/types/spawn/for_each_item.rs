use demarcate::service;
use demarcate::sqlite::Session;
use tokio::spawn;
use tokio::task::JoinSet;

async fn mail(id: i64) {
    println!("{id}");
}

#[service]
async fn create_orders(tx: &mut Session, ids: Vec<i64>) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    let tasks: Vec<_> = ids.iter().copied().map(mail).map(spawn).collect();
    drop(tasks);
    let mut set = JoinSet::from_iter(ids.iter().copied().map(mail));
    set.detach_all();
    let mut set = ids.iter().copied().map(mail).collect::<JoinSet<_>>();
    set.detach_all();
    let mut set: JoinSet<()> = ids.into_iter().map(mail).collect();
    set.detach_all();
    Ok(())
}

fn main() {}
