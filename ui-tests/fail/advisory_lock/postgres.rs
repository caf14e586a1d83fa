use demarcate::service;
use demarcate::postgres::Session;

#[service]
async fn place(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("select pg_advisory_lock($1)").bind(1_i64).execute(&mut *tx).await?;
    sqlx::query_scalar::<_, bool>("select pg_try_advisory_lock_shared(1)").fetch_one(&mut *tx).await?;
    Ok(())
}

fn main() {}
