use demarcate::sqlite::Session;
use demarcate::{JobError, background_job, service};

struct Parcel(i64);

#[background_job(on_error = mark_failed)]
async fn ship(tx: &mut Session, order_id: i64, parcel: Parcel) -> Result<(), demarcate::Error> {
    sqlx::query("select ?").bind(order_id).bind(parcel.0).execute(&mut *tx).await?;
    Ok(())
}

#[service]
async fn mark_failed(tx: &mut Session, _: &JobError, order_id: i64, _: Parcel) -> Result<(), sqlx::Error> {
    sqlx::query("select ?").bind(order_id).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
