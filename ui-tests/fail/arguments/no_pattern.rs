use demarcate::sqlite::Session;
use demarcate::{Error, background_job, router_tx};

#[router_tx(no_rollback_for)]
async fn first(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[background_job(no_rollback_for = fn())]
async fn second(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
