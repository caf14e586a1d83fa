use demarcate::background_job;
use demarcate::sqlite::{Session, SessionFactory};

#[background_job]
async fn sweep(db: &SessionFactory) -> Result<(), demarcate::Error> {
    db.spawn(ship(1));
    db.transaction(async |tx| {
        sqlx::query("select 1").execute(&mut *tx).await?;
        db.spawn(ship(2));
        Ok::<_, demarcate::Error>(())
    })
    .await
}

#[background_job]
async fn ship(_tx: &mut Session, _order_id: i64) -> Result<(), demarcate::Error> {
    Ok(())
}

fn main() {}
