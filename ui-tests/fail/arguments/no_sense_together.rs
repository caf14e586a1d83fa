use demarcate::sqlite::Session;
use demarcate::{Error, background_job, router_tx};

#[router_tx(read_only, confirm_commit)]
async fn report(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[router_tx(read_only, read_write)]
async fn report_again(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[background_job(timeout = "1s", statement_timeout = "2s", lock_timeout = "1m")]
async fn sweep(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("delete from old").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
