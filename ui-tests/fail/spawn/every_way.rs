use demarcate::background_job;
use demarcate::sqlite::{Session, SessionFactory};
use tokio::task::JoinSet;

#[background_job]
async fn ship(tx: &mut Session, order_id: i64) -> Result<(), demarcate::Error> {
    sqlx::query("select ?").bind(order_id).execute(&mut *tx).await?;
    let mut mails = JoinSet::new();
    mails.spawn(send_mail(order_id));
    tokio::task::spawn_blocking(move || println!("{order_id}"));
    std::thread::spawn(move || println!("{order_id}"));
    tokio::runtime::Handle::current().spawn(send_mail(order_id));
    let (one, two) = tokio::join!(tokio::spawn(send_mail(1)), send_mail(2));
    drop((one, two));
    Ok(())
}

#[background_job]
async fn sweep(db: &SessionFactory) -> Result<(), demarcate::Error> {
    tokio::spawn(send_mail(1));
    db.transaction(async |tx| {
        sqlx::query("select 1").execute(&mut *tx).await?;
        tokio::spawn(send_mail(2));
        Ok::<_, demarcate::Error>(())
    })
    .await
}

async fn send_mail(_order_id: i64) {}

fn main() {}
