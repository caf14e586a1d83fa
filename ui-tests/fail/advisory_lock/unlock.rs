use demarcate::background_job;
use demarcate::postgres::Session;

#[background_job]
async fn nightly(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select pg_advisory_unlock(1)").execute(&mut *tx).await?;
    sqlx::query("select release_all_locks()").execute(&mut *tx).await?;
    Ok(())
}

fn main() {}
