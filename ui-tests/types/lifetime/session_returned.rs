use demarcate::service;
use demarcate::sqlite::Session;

use demarcate::sqlite::SessionFactory;

#[service]
async fn keep<'a>(tx: &'a mut Session) -> Result<&'a mut Session, sqlx::Error> {
    Ok(tx)
}

async fn leak(db: &SessionFactory) {
    let kept = db.transaction(async |tx| Ok::<_, demarcate::Error>(keep(tx).await?)).await;
    let _ = kept;
}

fn main() {}
