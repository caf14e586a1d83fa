use axum::Json;
use demarcate::sqlite::Session;
use demarcate::{Error, JobError, background_job, router_tx};

struct Body(i64);

#[router_tx(retry = 3)]
async fn post(tx: &mut Session, body: Json<Body>) -> Result<(), Error> {
    sqlx::query("select ?").bind(body.0.0).execute(&mut *tx).await?;
    Ok(())
}

#[background_job(on_error = mark_failed)]
async fn ship(tx: &mut Session, body: Body) -> Result<(), Error> {
    sqlx::query("select ?").bind(body.0).execute(&mut *tx).await?;
    Ok(())
}

async fn mark_failed(tx: &mut Session, _error: &JobError, body: Body) -> Result<(), Error> {
    sqlx::query("select ?").bind(body.0).execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
