use demarcate::sqlite::Session;
use demarcate::{Error, background_job, router_tx};

#[router_tx(retry = 0)]
async fn never(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[router_tx(retry = 1_000_000)]
async fn for_ever(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[background_job(retry = "3")]
async fn three_times(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
