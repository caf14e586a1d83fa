use std::sync::Arc;

use demarcate::sqlite::{Session, SessionFactory};
use demarcate::{Error, TxOptions, background_job, boundary, service};

struct App {
    db: SessionFactory,
}

impl App {
    #[boundary]
    async fn settle(&self, extra: Arc<SessionFactory>) -> Result<(), Error> {
        tokio::spawn(audit());
        self.db
            .transaction(async |tx| {
                sqlx::query("commit").execute(&mut *tx).await?;
                tokio::spawn(audit());
                let _ = record(tx).await;
                Ok::<_, Error>(())
            })
            .await?;
        let other = extra.clone();
        other
            .transaction_with(TxOptions::new(), async |t: &mut Session| {
                sqlx::query("select 1").execute(&mut *t);
                Ok::<_, Error>(())
            })
            .await
    }
}

#[boundary]
fn export(db: SessionFactory) -> impl futures::Stream {
    db.stream(TxOptions::new(), async |tx, out| {
        let _ = record(tx).await;
        out.send(1).await;
        Ok::<_, Error>(())
    })
}

#[background_job]
async fn nightly(db: &SessionFactory) -> Result<(), Error> {
    let factory = db;
    factory
        .transaction(async |tx| {
            let _ = record(tx).await;
            Ok::<_, Error>(())
        })
        .await
}

#[boundary]
async fn lent(tx: &mut Session) -> Result<(), Error> {
    record(tx).await
}

#[boundary(timeout = "5s")]
async fn with_options(_db: &SessionFactory) {}

#[service]
async fn record(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

async fn audit() {}

mod futures {
    pub trait Stream {}
    impl<T> Stream for T {}
}

fn main() {}
