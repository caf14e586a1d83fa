use demarcate::sqlite::Session;
use demarcate::{JobError, background_job, service};

#[background_job(on_error = mark_failed)]
async fn ship(tx: &mut Session, order_id: i64) -> Result<(), demarcate::Error> {
    sqlx::query("select ?").bind(order_id).execute(&mut *tx).await?;
    Ok(())
}

#[service]
async fn mark_failed(tx: &mut Session, _: &JobError) -> Result<(), sqlx::Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
