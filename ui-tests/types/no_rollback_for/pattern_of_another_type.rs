use demarcate::sqlite::Session;
use demarcate::{Error, background_job, router_tx};

enum Other {
    Gone,
}

#[router_tx(no_rollback_for = Other::Gone)]
async fn post(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

#[background_job(no_rollback_for = Error::Gone, retry = 2)]
async fn ship(tx: &mut Session) -> Result<(), Error> {
    sqlx::query("select 1").execute(&mut *tx).await?;
    Ok(())
}

fn main() {
    let _ = Other::Gone;
}
