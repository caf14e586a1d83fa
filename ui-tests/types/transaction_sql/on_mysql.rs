use demarcate::mysql::Session;
use demarcate::{background_job, router_tx, service};

#[service]
async fn grow(tx: &mut Session) -> Result<(), sqlx::Error> {
    sqlx::query("create table notes (text text)").execute(&mut *tx).await?;
    sqlx::query("lock tables notes write").execute(&mut *tx).await?;
    Ok(())
}

#[router_tx]
async fn post_order(tx: &mut Session) -> Result<(), demarcate::Error> {
    sqlx::query("set autocommit = 1").execute(&mut *tx).await?;
    Ok(())
}

#[background_job]
async fn nightly(db: &demarcate::mysql::SessionFactory) -> Result<(), demarcate::Error> {
    db.transaction(async |tx| {
        sqlx::raw_sql("/*! truncate notes */").execute(&mut *tx).await?;
        Ok::<_, demarcate::Error>(())
    })
    .await
}

fn main() {}
