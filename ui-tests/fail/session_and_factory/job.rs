use demarcate::background_job;
use demarcate::sqlite::{Session, SessionFactory};

#[background_job]
async fn ship(tx: &mut Session, db: &SessionFactory) -> Result<(), demarcate::Error> {
    let _ = db;
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

// What is done with it is not another mistake.
#[background_job]
async fn sweep(tx: &mut Session, db: &SessionFactory) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    db.transaction(async |_tx| Ok::<_, demarcate::Error>(())).await?;
    let _ = db.run(job()).await;
    Ok(())
}

#[background_job]
async fn job(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
