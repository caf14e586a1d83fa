use demarcate::background_job;
use demarcate::sqlite::{Session, SessionFactory};

// A boundary inside a boundary: two connections for one request, and two commits.
#[background_job]
async fn ship(db: &SessionFactory, order: i64) -> Result<(), demarcate::Error> {
    db.transaction(async |tx| {
        sqlx::query("update orders set shipped = 1 where id = ?").bind(order).execute(&mut *tx).await?;
        db.transaction(async |inner: &mut Session| {
            sqlx::query("insert into parcels default values").execute(&mut *inner).await?;
            Ok::<_, demarcate::Error>(())
        })
        .await
    })
    .await
}

fn main() {}
