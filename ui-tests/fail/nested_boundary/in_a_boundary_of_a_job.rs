use demarcate::background_job;
use demarcate::sqlite::SessionFactory;

#[background_job]
async fn sweep(db: &SessionFactory) -> Result<(), demarcate::Error> {
    db.transaction(async |tx| {
        sqlx::query("select 1").execute(&mut *tx).await?;
        db.transaction(async |_tx| Ok::<_, demarcate::Error>(())).await
    })
    .await
}

fn main() {}
