use demarcate::service;
use demarcate::sqlite::Session;
use tokio::task::JoinHandle;

struct Mailer {
    start: fn(i64) -> JoinHandle<()>,
}

impl Mailer {
    fn mail(&self, id: i64) -> JoinHandle<()> {
        (self.start)(id)
    }
}

fn mail(id: i64) -> JoinHandle<()> {
    tokio::spawn(async move { println!("{id}") })
}

#[service]
async fn create_order(tx: &mut Session, mailer: &Mailer) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    mail(1);
    let _task = mail(2);
    mailer.mail(3);
    (mailer.start)(4);
    Ok(())
}

fn main() {}
